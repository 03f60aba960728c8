"""What was due too long ago to go by itself: a person releases it, or withdraws it."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.models import ExecutionRequest
from execution.states import STALE, Status
from workspaces import audit
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def release_stale(*, workspace: Workspace, actor: Actor, ids: Sequence[UUID], reason: str) -> list[UUID]:
    """Let requests that wait as stale go after all; what else stops them still does. Returns those let go.

    Their allowance begins anew: left lying for as long again, they wait again. Those that do not wait as stale are
    passed over. Raises InvalidInput without a reason, NotPermitted for anyone but a person who may run requests.
    """
    actor.require(Permission.RUN, workspace_id=workspace.id)
    if not actor.is_person:
        raise NotPermitted("Only a person can do this.")
    if not reason.strip():
        raise InvalidInput("Give a reason; it is kept on record.", fields={"reason": "Needed."})
    with workspace_scope(workspace), transaction.atomic():
        rows = ExecutionRequest.objects.select_for_update().filter(
            workspace=workspace, pk__in=ids, status=Status.APPROVED, wait_reason=STALE
        )
        found = sorted(rows.values_list("pk", flat=True))
        if not found:
            return []
        now = database_now()
        ExecutionRequest.objects.filter(pk__in=found).update(overdue_from=now, due_at=now, wait_reason="")
        audit.record(
            action="request.stale_released",
            actor=actor,
            workspace_id=workspace.id,
            subjects=found,
            data={"count": len(found), "reason": reason.strip()},
        )
        queue.ring()
    return found
