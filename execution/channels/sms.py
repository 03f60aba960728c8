"""SMS and MMS."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import WebUrl, not_blank


class SmsPayload(Payload):
    """`sms {text, media_urls?}`. 1,600 characters is what carriers still join into one message."""

    text: Annotated[str, Field(max_length=1_600), AfterValidator(not_blank)]
    media_urls: Annotated[list[WebUrl], Field(max_length=10)] | None = None


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Text message: {payload['text'][:80]}"


SMS = ChannelSpec(
    name="sms",
    label="Text message",
    schema=SmsPayload,
    recipient_kind="phone",
    consent_purpose="sms",
    risk="high",
    default_gate="HR_PHONE",
    chunk_size=1,
    summary=_summary,
    calling_hours=True,
    overdue_seconds=3_600,
)
