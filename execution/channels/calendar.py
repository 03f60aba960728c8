"""Calendar events; the calendar service invites the attendees by email."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import EmailAddress, Line, Moment


class CalendarPayload(Payload):
    """`calendar {title, start, end, attendees}`: times with their zone, attendees by email address."""

    title: Line
    start: Moment
    end: Moment
    attendees: Annotated[list[EmailAddress], Field(max_length=200)]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if datetime.fromisoformat(self.end) <= datetime.fromisoformat(self.start):
            raise ValueError("must end after it starts")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Event at {payload['start']}, {len(payload['attendees'])} invited: {payload['title']}"


def _attendees(payload: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(payload["attendees"]))


CALENDAR = ChannelSpec(
    name="calendar",
    label="Calendar event",
    schema=CalendarPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_OPS",
    chunk_size=1,
    summary=_summary,
    extra_recipients=_attendees,
)
