"""The form of a payload, made from its channel's schema: text as text, everything else as JSON."""

import json
import types
import typing
from typing import Annotated, Any, Literal

from django import forms

from execution.channels import registry
from execution.models import ExecutionRequest
from workspaces.admin.forms import ConsoleForm, MomentField, dress
from workspaces.errors import CountersignError

_PREFIX = "payload__"
_LONG = {"text", "html", "body", "script", "content", "boilerplate", "description", "message"}
_ADDRESSES = {"cc", "bcc"}
_HELP = {
    "html": "Leave blank for a message in plain text alone.",
    "cc": "One address a line.",
    "bcc": "One address a line. Only the envelope names them.",
    "attachments": "Kept as they are by their digest; take one out by deleting its entry.",
    "headers": "A JSON object, name to value.",
}


class PayloadForm(ConsoleForm):
    """Edits a request; `changes` are the arguments of `edit_request`."""

    def __init__(self, *, found: ExecutionRequest, data: Any = None) -> None:
        payload = found.payload
        schema = registry.get(found.channel).schema
        initial: dict[str, Any] = {"scheduled_for": found.scheduled_for, "expires_at": found.expires_at}
        built: dict[str, forms.Field] = {}
        self.kinds: dict[str, str] = {}
        for name, part in schema.model_fields.items():
            kind = "lines" if name in _ADDRESSES else _kind(part.annotation)
            value = payload.get(name)
            if name == "content_base64" or (value is None and kind == "json" and not part.is_required()):
                continue
            self.kinds[name] = kind
            built[_PREFIX + name] = _field(name=name, kind=kind, required=part.is_required(), value=value)
            initial[_PREFIX + name] = _shown(kind=kind, value=value)
        self._kept = {name: value for name, value in payload.items() if name not in self.kinds}
        super().__init__(data=data, initial=initial)
        for field in built.values():
            dress(field.widget)
        self.fields = {**built, **self.fields}

    scheduled_for = MomentField(required=False, label="Not before", help_text="Blank: as soon as it is approved.")
    expires_at = MomentField(required=False, label="Not after", help_text="Blank: as the gate says.")
    note = forms.CharField(
        required=False, max_length=300, label="What you changed and why", help_text="Whoever approves reads it."
    )

    def changes(self) -> dict[str, Any]:
        """The arguments of `edit_request`."""
        payload: dict[str, Any] = dict(self._kept)
        for name, kind in self.kinds.items():
            value = self.cleaned_data.get(_PREFIX + name)
            if value in (None, "", []):
                if kind == "text" and self.fields[_PREFIX + name].required:
                    payload[name] = ""
                continue
            payload[name] = value
        return {
            "payload": payload,
            "scheduled_for": self.cleaned_data["scheduled_for"],
            "expires_at": self.cleaned_data["expires_at"],
            "note": self.cleaned_data["note"],
        }

    def take(self, error: CountersignError, *, names: dict[str, str] | None = None) -> None:
        paths = {path: _PREFIX + path.split(".")[1] for path in error.fields if path.startswith("payload.")}
        super().take(error, names={**paths, **(names or {})})


def form_for(*, found: ExecutionRequest, data: Any = None) -> PayloadForm:
    """The form for this request's channel, filled with what is sealed now."""
    return PayloadForm(found=found, data=data)


def _kind(annotation: Any) -> str:
    options = _options(annotation)
    if options <= {str} and options:
        return "text"
    if options == {bool}:
        return "yes"
    if options and all(isinstance(one, tuple) for one in options):
        return "choice"
    return "json"


def _options(annotation: Any) -> set[Any]:
    """The types a field may hold, without None; a Literal as a tuple of its values."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _options(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return {option for one in typing.get_args(annotation) if one is not type(None) for option in _options(one)}
    if origin is Literal:
        return {typing.get_args(annotation)}
    return {annotation} if isinstance(annotation, type) else {object}


class _Lines(forms.CharField):
    """Several values, one a line."""

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in str(super().clean(value) or "").splitlines() if line.strip()]


class _Json(forms.JSONField):
    """JSON, laid out to be read."""

    def prepare_value(self, value: Any) -> Any:
        return (
            value
            if isinstance(value, str | forms.fields.InvalidJSONInput)
            else json.dumps(value, indent=2, ensure_ascii=False)
        )


def _field(*, name: str, kind: str, required: bool, value: Any) -> forms.Field:
    common: dict[str, Any] = {
        "required": required,
        "label": name.replace("_", " ").capitalize(),
        "help_text": _HELP.get(name, ""),
    }
    if kind == "lines":
        return _Lines(widget=forms.Textarea(attrs={"rows": 2}), **common)
    if kind == "json":
        return _Json(widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}), **common)
    if kind == "yes":
        return forms.NullBooleanField(**common)
    if name in _LONG or len(str(value or "")) > 120 or "\n" in str(value or ""):
        rows = min(28, max(6, str(value or "").count("\n") + 4))
        return forms.CharField(strip=False, widget=forms.Textarea(attrs={"rows": rows}), **common)
    return forms.CharField(**common)


def _shown(*, kind: str, value: Any) -> Any:
    if kind == "lines":
        return "\n".join(value) if isinstance(value, list) else value or ""
    return value
