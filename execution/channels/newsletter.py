"""Newsletters: one text to a whole segment, sent by a list service."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, Prose, not_blank


class NewsletterPayload(Payload):
    """`newsletter {subject, html, text, segment}`."""

    subject: Line
    html: Annotated[str, Field(max_length=500_000), AfterValidator(not_blank)]
    text: Prose
    segment: Line


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Newsletter to {payload['segment']}: {payload['subject']}"


NEWSLETTER = ChannelSpec(
    name="newsletter",
    label="Newsletter",
    schema=NewsletterPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="high",
    default_gate="HR_LANG",
    chunk_size=1,
    summary=_summary,
    max_bytes=1024 * 1024,
)
