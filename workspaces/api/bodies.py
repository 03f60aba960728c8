"""Shapes of input: a field that nobody knows is an error that names it, so nothing is ever set by accident."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import serializers

ZONE_NEEDED = "A time with its zone, such as 2027-01-31T09:00:00+01:00."


class Body(serializers.Serializer):
    """A JSON body, or the parameters of a query. Unknown and server-owned fields are refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                known = ", ".join(name for name, field in self.fields.items() if not field.read_only) or "none"
                message = f"This cannot be set here. There are: {known}."
                raise serializers.ValidationError(dict.fromkeys(unknown[:50], message))
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """Text and nothing else: a number is not silently made one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ReasonBody(Body):
    """Why, in words; optional."""

    reason = Text(required=False, max_length=2_000)


class Moment(serializers.DateTimeField):
    """A time with its zone; one without is refused, since nobody could know which zone was meant."""

    def to_internal_value(self, value: Any) -> datetime:
        moment = read_moment(value)
        if moment is None:
            raise serializers.ValidationError(ZONE_NEEDED)
        return moment


class Day(serializers.DateTimeField):
    """A time with its zone, or a date: then the day's beginning in the workspace's time zone."""

    def to_internal_value(self, value: Any) -> datetime:
        # An unescaped plus sign in a query arrives as a space.
        moment = read_moment(value.replace(" ", "+") if isinstance(value, str) else value)
        if moment is None:
            day = _read_date(value)
            zone = self.context.get("time_zone")
            if day is None or zone is None:
                raise serializers.ValidationError(ZONE_NEEDED + " Or a date.")
            moment = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
        return moment


class CommaList(serializers.CharField):
    """One or more of `choices`, with commas between them."""

    def __init__(self, *, choices: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices

    def to_internal_value(self, data: Any) -> list[str]:  # type: ignore[override]
        wanted = [word for word in str(data).split(",") if word]
        unknown = [word for word in wanted if word not in self.choices]
        if unknown or not wanted:
            raise serializers.ValidationError(f"One or more of {', '.join(self.choices)}.")
        return wanted


def read_moment(value: Any) -> datetime | None:
    """An aware time from ISO 8601 text; None for anything else."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    try:
        # In UTC, since a database knows fewer offsets than ISO 8601 has; year 1 or 9999 may fall out of the calendar.
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _read_date(value: Any) -> date | None:
    try:
        return parse_date(value) if isinstance(value, str) else None
    except ValueError:
        return None
