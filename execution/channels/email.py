"""Email: one message to one recipient, with cc and bcc if need be. All of them share one SMTP transaction."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from execution.channels.attachments import MAX_CONTENT, Attachment
from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, Mailbox, Mailboxes, Prose, single_line
from execution.wire.addresses import split_mailbox, wire_address

_MAX_HEADERS = 20
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_MESSAGE_IDS = re.compile(r"<[^\s<>]{1,250}>(?: <[^\s<>]{1,250}>)*")
# What a proposer may set. Everything else either belongs to the envelope, to the seal, or to the machine.
_ALLOWED = frozenset(
    {
        *("in-reply-to", "references", "thread-topic", "thread-index", "list-id", "feedback-id", "precedence"),
        *("importance", "priority", "keywords", "comments", "organization", "accept-language"),
    }
)
# X- fields are free but for those by which a relay takes orders: some add recipients (SendGrid's X-SMTPAPI,
# Mandrill's X-MC-BccAddress, SparkPost's X-MSYS-API), others change what is tracked, billed or trusted.
_ORDERS = re.compile(
    r"x-(?:smtpapi|mc-|msys-|mailgun|mg-|ses-|aws-|amz|mj-|mailjet|pm-|postmark|sib-|mailin|brevo|sg-|sendgrid|sparkpost"
    r"|mandrill|resend|postal|tm-|elastic|mailersend|mailtrap|unisender|google|gm-|yahoo|ms-|microsoft|forefront|exchange"
    r"|spam|virus|envelope|original|forwarded|real-|received|authenticat|sender|from|to\b|cc\b|bcc|rcpt|recipient"
    r"|report-abuse|complaints|bounce|return|errors|loop|auto|unsubscribe|list|dkim|domainkey|countersign)"
)


def _headers(value: dict[str, str]) -> dict[str, str]:
    if len(value) > _MAX_HEADERS:
        raise ValueError(f"holds more than {_MAX_HEADERS} fields")
    checked: dict[str, str] = {}
    for name, text in value.items():
        lower = name.lower()
        if not _FIELD_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header's name")
        if not (lower in _ALLOWED or (lower.startswith("x-") and not _ORDERS.match(lower))):
            raise ValueError(f"{name} cannot be set by a proposer")
        if lower in {seen.lower() for seen in checked}:
            raise ValueError(f"{name} is there twice")
        try:
            checked[name] = single_line(text)
        except ValueError as wrong:
            raise ValueError(f"{name} {wrong}") from None
        if len(text) > 1_000:
            raise ValueError(f"{name} is longer than 1,000 characters")
        if lower in ("in-reply-to", "references") and not _MESSAGE_IDS.fullmatch(checked[name]):
            raise ValueError(f"{name} must be message ids in angle brackets, with one space between")
    return checked


class EmailPayload(Payload):
    """`email {subject, text, html?, reply_to?, cc?, bcc?, headers?, attachments?}`."""

    subject: Line
    text: Prose
    html: Annotated[str, Field(max_length=500_000)] | None = None
    reply_to: Mailbox | None = None
    cc: Mailboxes | None = None
    bcc: Mailboxes | None = None
    headers: Annotated[dict[str, str], AfterValidator(_headers)] | None = None
    attachments: Annotated[list[Attachment], Field(max_length=20)] | None = None

    @field_validator("html")
    @classmethod
    def _no_html_if_blank(cls, html: str | None) -> str | None:
        return html if html and html.strip() else None

    @model_validator(mode="after")
    def _attachments_fit(self) -> Self:
        if sum(attachment.octets for attachment in self.attachments or ()) > MAX_CONTENT:
            raise ValueError(f"has attachments of more than {MAX_CONTENT // 1_048_576} MB together")
        return self


def copies(payload: Mapping[str, Any]) -> list[str]:
    """The bare addresses of cc and bcc, in order, each once."""
    return _unique([*payload.get("cc", ()), *payload.get("bcc", ())])


def envelope(to: Iterable[str], payload: Mapping[str, Any]) -> list[str]:
    """Everybody whom the mail reaches (to, cc, bcc), as bare wire addresses, each once."""
    return _unique([*to, *payload.get("cc", ()), *payload.get("bcc", ())])


def _unique(mailboxes: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for value in mailboxes:
        address = wire_address(split_mailbox(value)[1])
        local, _, domain = address.rpartition("@")
        found.setdefault(f"{local}@{domain.lower()}", address)
    return list(found.values())


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Email: {payload['subject']}"


EMAIL = ChannelSpec(
    name="email",
    label="Email",
    schema=EmailPayload,
    recipient_kind="email",
    consent_purpose="email",
    risk="medium",
    default_gate="HR_LANG",
    chunk_size=100,
    summary=_summary,
    max_bytes=16 * 1024 * 1024,
    extra_recipients=copies,
)
