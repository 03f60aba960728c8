"""What would really go out, made fit to look at: from the frozen bytes where there are any, else from the payload."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe

from execution.channels.email import envelope
from execution.channels.text import Link, invisible_characters, links
from execution.models import ExecutionRequest, Part, Revision
from execution.templatetags.review import reveal

# Where a mail's own layout lies. Nothing that loads, runs, or leads away.
_TAGS = (nh3.ALLOWED_TAGS | {"font", "section", "main"}) - {"map", "area"}
_ATTRIBUTES = {
    "*": {"style", "align", "valign", "width", "height", "bgcolor", "dir", "lang"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "size", "face"},
    "table": {"border", "cellpadding", "cellspacing", "role"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "a": {"title"},
    "ol": {"start", "type"},
}
_STYLES = {
    *("color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "line-height"),
    *("text-align", "text-decoration", "vertical-align", "white-space", "letter-spacing", "text-transform"),
    *("margin", "margin-top", "margin-right", "margin-bottom", "margin-left"),
    *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left"),
    *("border", "border-top", "border-right", "border-bottom", "border-left", "border-color", "border-radius"),
    *("border-collapse", "border-spacing", "border-width", "border-style"),
    *("width", "max-width", "min-width", "height", "max-height", "min-height", "display"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes along."""

    filename: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a payload without a picture of its own."""

    name: str
    value: SafeString
    is_long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One act as a person judges it. `text` and `html` are what the recipient's program is given."""

    subject: str = ""
    text: str = ""
    html: str = ""
    headers: Sequence[tuple[str, str]] = ()
    envelope: Sequence[tuple[str, str]] = ()
    links: Sequence[Link] = ()
    attachments: Sequence[Attachment] = ()
    fields: Sequence[Field] = ()
    hidden: int = 0
    is_from_wire: bool = False
    missing: bool = field(default=False)

    @property
    def shown_text(self) -> SafeString:
        return reveal(self.text)

    @property
    def shown_subject(self) -> SafeString:
        return reveal(self.subject)


def message_of(*, request: ExecutionRequest, revision: Revision) -> Message:
    """The message of one revision. Inside the scope; one query for the bytes."""
    document = revision.as_dict()
    payload: Mapping[str, Any] = document["payload"]
    wanted: list[str] = list(document.get("wire") or ())
    if request.channel != "email":
        return _other(document=document)
    parsed, missing = _wire(request=request, digests=wanted)
    text = _body(parsed, "plain") if parsed else str(payload.get("text", ""))
    html = _body(parsed, "html") if parsed else str(payload.get("html") or "")
    subject = str(parsed["subject"] or "") if parsed else str(payload.get("subject", ""))
    hidden = sum(len(invisible_characters(one)) for one in (subject, text, html))
    return Message(
        subject=subject,
        text=text,
        html=html,
        headers=[(name, str(value)) for name, value in parsed.items()] if parsed else (),
        envelope=_envelope(document=document),
        links=links(text, html or None),
        attachments=_attachments(payload),
        hidden=hidden,
        is_from_wire=parsed is not None,
        missing=missing,
    )


def _wire(*, request: ExecutionRequest, digests: Sequence[str]) -> tuple[EmailMessage | None, bool]:
    """The frozen mail, parsed, and whether some of its bytes are missing. Of attachments only what is looked at."""
    if not digests:
        return None, False
    rows = Part.objects.filter(workspace_id=request.workspace_id, sha256__in=digests[:1]).values_list(
        "content", flat=True
    )
    head = next(iter(rows), None)
    if head is None:
        return None, True
    parsed = BytesParser(policy=policy.default).parsebytes(bytes(head))
    return parsed, False


def _body(message: EmailMessage, kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == f"text/{kind}" and part.get_content_disposition() != "attachment":
            content = part.get_payload(decode=True)
            charset = part.get_content_charset("utf-8")
            return content.decode(charset, "replace").replace("\r\n", "\n") if isinstance(content, bytes) else ""
    return ""


def _envelope(*, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    payload, sender = document["payload"], document.get("sender") or {}
    name, address = sender.get("from_name", ""), sender.get("from_email", "")
    host = f"{sender.get('host', '')}:{sender.get('port') or ''}".rstrip(":")
    rows = [
        ("From", f"{name} <{address}>" if name else address),
        ("To", document["to"]),
        ("Cc", ", ".join(payload.get("cc") or ())),
        ("Bcc", ", ".join(payload.get("bcc") or ())),
        ("Reply-To", payload.get("reply_to") or ""),
        ("Delivered to", ", ".join(envelope([document["to"]], payload))),
        ("Sent through", f"{sender.get('provider', '')} {host}".strip()),
        ("As user", sender.get("user", "")),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _attachments(payload: Mapping[str, Any]) -> list[Attachment]:
    return [
        Attachment(
            filename=str(one.get("filename", "")),
            content_type=str(one.get("content_type", "")),
            size=int(one.get("size") or 0),
            sha256=str(one.get("sha256", "")),
        )
        for one in payload.get("attachments") or ()
    ]


def _other(*, document: Mapping[str, Any]) -> Message:
    """Any other channel: every field of the payload, whole."""
    payload: Mapping[str, Any] = document["payload"]
    sender = document.get("sender") or {}
    words = "\n".join(_strings(payload))
    files = [payload] if "sha256" in payload else []
    files += [one for one in payload.get("files") or () if isinstance(one, Mapping) and "sha256" in one]
    return Message(
        subject=str(payload.get("subject") or payload.get("title") or payload.get("headline") or ""),
        text=words,
        fields=[_field(name, value) for name, value in payload.items()],
        envelope=[
            (label, str(value))
            for label, value in (
                ("To", document["to"]),
                ("Sent through", f"{sender.get('provider', '')} {sender.get('host', '')}".strip()),
                ("As", sender.get("user") or sender.get("from_email") or ""),
            )
            if value
        ],
        links=links(words, str(payload.get("html") or "") or None),
        html=str(
            payload.get("html") or (payload.get("content") if "<" in str(payload.get("content", "")) else "") or ""
        ),
        attachments=_attachments({"attachments": [{"filename": one.get("name", "file"), **one} for one in files]}),
        hidden=len(invisible_characters(words)),
    )


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _strings(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _strings(one)]
    return []


def _field(name: str, value: Any) -> Field:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return Field(name=name.replace("_", " "), value=reveal(text), is_long=len(text) > 100 or "\n" in text)


def _only_pictures_inside(tag: str, attribute: str, value: str) -> str | None:
    """A picture that came along with the message; one from elsewhere would tell its sender who looked when."""
    if attribute == "src" and not value.strip().lower().startswith("data:image/"):
        return None
    return value


def safe_html(html: str) -> SafeString:
    """A stranger's HTML with its layout, and nothing that runs, loads from elsewhere or leads away."""
    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        filter_style_properties=_STYLES,
        attribute_filter=_only_pictures_inside,
        url_schemes={"data"},
        link_rel=None,
        strip_comments=True,
        clean_content_tags={"script", "style", "title", "template", "noscript", "svg", "math", "object", "iframe"},
    )
    # Sanitised by the line above; it is shown in a frame without scripts and under a policy that loads nothing.
    return mark_safe(cleaned)  # noqa: S308
