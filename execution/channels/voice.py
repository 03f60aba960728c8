"""Phone calls: a script that is read out, or one that a voice agent follows."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import not_blank


class VoicePayload(Payload):
    """`voice {script, mode: "agent"|"say"}`."""

    script: Annotated[str, Field(max_length=20_000), AfterValidator(not_blank)]
    mode: Literal["agent", "say"]


def _summary(payload: Mapping[str, Any]) -> str:
    how = "an agent calls" if payload["mode"] == "agent" else "a call reads out"
    return f"Phone call ({how}): {payload['script'][:80]}"


VOICE = ChannelSpec(
    name="voice",
    label="Phone call",
    schema=VoicePayload,
    recipient_kind="phone",
    consent_purpose="voice",
    risk="high",
    default_gate="HR_PHONE",
    chunk_size=1,
    summary=_summary,
    calling_hours=True,
    overdue_seconds=3_600,
)
