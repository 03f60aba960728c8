"""Records in a CRM."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, Word


class CrmPayload(Payload):
    """`crm {object, action, id?, properties}`. `action` is create, update, upsert, or what else the CRM offers."""

    object: Word
    action: Word
    id: Line | None = None
    properties: dict[str, Any]

    @model_validator(mode="after")
    def _change_names_its_record(self) -> Self:
        if self.action in ("update", "delete", "archive") and self.id is None:
            raise ValueError(f"needs id for the action {self.action}")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    return f"CRM: {payload['action']} {payload['object']} {payload.get('id', '')}".rstrip()


CRM = ChannelSpec(
    name="crm",
    label="CRM record",
    schema=CrmPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_OPS",
    chunk_size=10,
    summary=_summary,
)
