"""Press releases, sent to one outlet or journalist each."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, Prose


class PressPayload(Payload):
    """`press {headline, body, dateline?, boilerplate?}`."""

    headline: Line
    body: Prose
    dateline: Line | None = None
    boilerplate: Annotated[str, Field(max_length=10_000)] | None = None


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Press release: {payload['headline']}"


PRESS = ChannelSpec(
    name="press",
    label="Press release",
    schema=PressPayload,
    recipient_kind="email",
    consent_purpose="email",
    risk="high",
    default_gate="HR_LANG",
    chunk_size=10,
    summary=_summary,
)
