"""Values that cross the door of this app."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request comes from; copied in at propose, never followed."""

    kind: str = ""
    id: UUID | None = None
    label: str = ""
    url: str = ""
    agent: str = ""
    campaign_id: UUID | None = None
    campaign_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One outward act somebody proposes. `to` is an address (it becomes a contact without consent); `contact` an id."""

    channel: str
    payload: Mapping[str, Any]
    to: str | None = None
    contact: UUID | str | None = None
    priority: int = 50
    scheduled_for: datetime | None = None
    expires_at: datetime | None = None
    account: UUID | str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    origin: Origin | None = None


class Unset:
    """Tells "not given" from None."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
