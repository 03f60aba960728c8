"""What happened between us and a contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from contacts.models import Contact, TimelineEvent
from contacts.services.writing import writing
from workspaces.actors import Actor
from workspaces.bulk import insert_rows
from workspaces.errors import InvalidInput
from workspaces.ids import new_id
from workspaces.models import Workspace
from workspaces.permissions import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event of a timeline.

    kind: an open vocabulary of one word each, such as replied. summary: one line for people, 300 characters kept.
    once_key: events of one contact with the same key are one, so news that comes twice is written once.
    """

    contact_id: UUID
    at: datetime
    kind: str
    summary: str = ""
    request_id: UUID | None = None
    plan_id: UUID | None = None
    is_dry_run: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    once_key: str = ""


def add_events(*, workspace: Workspace, actor: Actor, events: Sequence[Happening]) -> int:
    """Write events in a few statements. Returns how many were given.

    For whoever may propose, and for the system. Not audited by itself: what makes an event is.
    Raises InvalidInput for a contact of another workspace.
    """
    if not events:
        return 0
    with writing(workspace=workspace, actor=actor, permission=Permission.PROPOSE):
        ids = {event.contact_id for event in events}
        if Contact.objects.filter(workspace=workspace, pk__in=ids).count() != len(ids):
            raise InvalidInput("Not every contact is of this workspace.", fields={"contact": "It is not here."})
        write_events(workspace=workspace, events=events)
    return len(events)


def write_events(*, workspace: Workspace, events: Sequence[Happening]) -> None:
    """The insert itself, for services that have checked the contacts and opened the transaction."""
    rows = [
        {
            "id": new_id(),
            "workspace_id": workspace.pk,
            "contact_id": event.contact_id,
            "at": event.at,
            "kind": event.kind,
            "summary": event.summary[:300],
            "request_id": event.request_id,
            "plan_id": event.plan_id,
            "is_dry_run": event.is_dry_run,
            "data": dict(event.data),
            "once_key": event.once_key,
        }
        for event in events
    ]
    # Conflicts are repeats of a once_key. (On PostgreSQL a wrong contact still fails, by its foreign key.)
    insert_rows(TimelineEvent, rows=rows, ignore_conflicts=True)
