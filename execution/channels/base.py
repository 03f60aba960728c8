"""What a channel is: a kind of outward act, the shape of its payload, and what the engine must know about it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from execution.channels.checking import check_json, field_messages
from workspaces.errors import InvalidInput

RecipientKind = Literal["email", "phone", "none"]
Risk = Literal["low", "medium", "high"]


class Payload(BaseModel):
    """Base of the payload schemas: a field nobody knows is an error, since nobody would review what it does."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


def _nobody(payload: Mapping[str, Any]) -> list[str]:
    return []


@dataclass(frozen=True, kw_only=True)
class ChannelSpec:
    """One channel. Registered in `execution.channels.registry`.

    name: its key, as in the API. label: what people read.
    schema: the pydantic model of its payload.
    recipient_kind: what `to` must be; "none" where the payload alone says where the act lands.
    consent_purpose: the consent that is looked up for the recipient; None where no person is addressed.
    risk: how much harm one wrong act does, for policies and ordering.
    default_gate: the gate where no policy of the workspace says otherwise.
    chunk_size: how many requests a worker may mark `dispatching` in one commit. It is also how many become uncertain
        where a dead worker's journal cannot be trusted: 1 wherever an act cannot be taken back.
    max_bytes: the most characters all strings of a payload may have together.
    summary: one line for lists and logs, from a validated payload.
    extra_recipients: the addresses in the payload that the act also reaches (cc, bcc, attendees), for suppression and
        limits; of the same kind as `recipient_kind`, or emails where that is "none".
    calling_hours: whether the law allows it from 08:00 to 21:00 of the recipient's clock only (execution.engine.hours).
    overdue_seconds: how long after it was due it still goes by itself (execution.engine.guards.stale).
    provider: the provider that performs it where no account is needed, because the work is done in this installation.
    """

    name: str
    label: str
    schema: type[Payload]
    recipient_kind: RecipientKind
    consent_purpose: str | None
    risk: Risk
    default_gate: str
    chunk_size: int
    summary: Callable[[Mapping[str, Any]], str]
    max_bytes: int = 262_144
    extra_recipients: Callable[[Mapping[str, Any]], list[str]] = _nobody
    calling_hours: bool = False
    overdue_seconds: int = 86_400
    provider: str = ""

    def validate(self, payload: object, *, known_content: Collection[str] = ()) -> dict[str, Any]:
        """`payload` in its normal form: only JSON values, addresses and times normalised, absent fields left out.

        known_content: SHA-256 digests of stored contents that the payload may refer to instead of carrying them, which
            is how an edited request keeps its attachments. The caller vouches that the author may read them.
        Raises InvalidInput whose `fields` are keyed like `payload.subject`.
        """
        check_json(payload, max_bytes=self.max_bytes)
        try:
            model = self.schema.model_validate(payload, context={"known_content": known_content})
        except ValidationError as wrong:
            fields = field_messages(wrong)
            told = "; ".join(f"{name} {message}" for name, message in list(fields.items())[:5])
            raise InvalidInput(f"The payload does not fit the channel {self.name}: {told}.", fields=fields) from None
        return model.model_dump(mode="json", by_alias=True, exclude_none=True)
