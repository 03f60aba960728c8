"""Fields of the console's own forms, in its own look, and refusals of services put where they belong."""

from typing import Any

from django import forms

from workspaces.errors import CountersignError


class ConsoleForm(forms.Form):
    """A form whose widgets look like the console's and whose errors are announced with their fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field.widget)

    def take(self, error: CountersignError, *, names: dict[str, str] | None = None) -> None:
        """Put a service's refusal at the fields it names; what has no field stands at the top."""
        rest = []
        for path, text in error.fields.items():
            name = (names or {}).get(path, path)
            if name in self.fields:
                self.add_error(name, text)
            else:
                rest.append(f"{path}: {text}")
        if rest or not error.fields:
            self.add_error(None, [error.detail, *rest])


def dress(widget: forms.Widget) -> None:
    """Give a widget the console's classes."""
    plain = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple, forms.HiddenInput)
    if not isinstance(widget, plain):
        widget.attrs.setdefault("class", "cs-input")
    if isinstance(widget, forms.Textarea):
        widget.attrs.setdefault("rows", 4)


class MomentField(forms.DateTimeField):
    """A time in the workspace's zone, with the browser's own picker."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"], **kwargs)
