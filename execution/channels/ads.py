"""Advertising: bids, budgets, campaigns."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, Word


def _single_value(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("must be a number, a text, true or false")
    if isinstance(value, str) and len(value) > 2_000:
        raise ValueError("is longer than 2,000 characters")
    return value


Value = Annotated[bool | int | float | str, PlainValidator(_single_value)]


class Change(Payload):
    """One field of one resource, from the value its author saw to the one it is to have."""

    field: Word
    from_: Value = Field(alias="from")
    to: Value


class AdsPayload(Payload):
    """`ads {platform, action: "change"|"create"|"pause", resource?, change?: {field, from, to}, campaign?: {...}}`."""

    platform: Word
    action: Literal["change", "create", "pause"]
    resource: Line | None = None
    change: Change | None = None
    campaign: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_what_its_action_needs(self) -> Self:
        needed = {"change": ("resource", "change"), "create": ("campaign",), "pause": ("resource",)}[self.action]
        given = {name for name in ("resource", "change", "campaign") if getattr(self, name) is not None}
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"needs {' and '.join(missing)} for the action {self.action}")
        if extra := sorted(given - set(needed)):
            raise ValueError(f"must not have {' and '.join(extra)} for the action {self.action}")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    platform = payload["platform"]
    if payload["action"] == "change":
        change = payload["change"]
        return f"{platform}: {change['field']} of {payload['resource']} from {change['from']} to {change['to']}"
    if payload["action"] == "pause":
        return f"{platform}: pause {payload['resource']}"
    return f"{platform}: create campaign {payload['campaign'].get('name', '')}".rstrip()


ADS = ChannelSpec(
    name="ads",
    label="Advertising",
    schema=AdsPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="high",
    default_gate="HR_OPS",
    chunk_size=1,
    summary=_summary,
)
