"""Marking contacts as contacted, many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from contacts.models import Contact
from contacts.services.timeline import Happening, write_events
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces, workspace_scope

_LOCKED = Prepared(
    lambda workspace_id, ids: (
        Contact.objects.filter(workspace_id=workspace_id, is_erased=False, pk__among=ids)
        # In id order, as everybody locks them, so that two chunks with the same people never wait in a ring.
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    ),
    workspace_id=UUID,
    ids=list[UUID],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One contact reached by one request; `summary` is the line of the timeline, such as a subject."""

    contact_id: UUID
    request_id: UUID | None = None
    plan_id: UUID | None = None
    summary: str = ""


def mark_contacted(
    *, workspace: Workspace, actor: Actor, touches: Sequence[Touch], channel: str, at: datetime, dry_run: bool
) -> int:
    """Note that contacts were reached at `at` by `channel`: the date on each, and a line in each timeline.

    A dry run sets `last_dry_run_at` alone and flags its events, so a rehearsal never counts as a contact. Dates move
    forward only; the same request twice is one event. Two statements for a chunk (one more to look the contacts up);
    contacts of another workspace and erased ones are left out. Returns how many contacts were marked.
    It is not audited here: the settling of the request is.
    """
    if not touches:
        return 0
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    # Without a savepoint: a settling stands or falls as a whole, and comes ten times a second.
    with transaction.atomic(savepoint=False), workspace_scope(workspace):
        ids = {touch.contact_id for touch in touches}
        with all_workspaces("filtered by the workspace given"):
            known = set(_LOCKED.rows(workspace_id=workspace.id, ids=list(ids)))
        mine = Contact.objects.filter(pk__among=known)
        if dry_run:
            mine.filter(Q(last_dry_run_at=None) | Q(last_dry_run_at__lt=at)).update(last_dry_run_at=at)
        else:
            mine.filter(Q(last_contacted_at=None) | Q(last_contacted_at__lt=at)).update(
                last_contacted_at=at, last_contacted_channel=channel
            )
        write_events(
            workspace=workspace,
            events=[
                Happening(
                    contact_id=touch.contact_id,
                    at=at,
                    kind="contacted",
                    summary=touch.summary,
                    request_id=touch.request_id,
                    plan_id=touch.plan_id,
                    is_dry_run=dry_run,
                    data={"channel": channel},
                    once_key=f"contacted:{touch.request_id}:{'dry' if dry_run else 'real'}" if touch.request_id else "",
                )
                for touch in touches
                if touch.contact_id in known
            ],
        )
    return len(known)
