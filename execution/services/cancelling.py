"""What is withdrawn without a person's asking: everything unsent to someone who must not be contacted."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from execution.channels import registry
from execution.models import ExecutionRequest, GateState
from execution.services.gating import close_gates
from execution.states import Status
from execution.transitions import move
from workspaces.actors import system_actor
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.scope import workspace_scope

_UNSENT = [Status.PENDING, Status.NEEDS_CHANGES, Status.APPROVED]


def cancel_unsent_to(*, workspace_id: UUID, kind: str, contact_ids: Sequence[UUID]) -> int:
    """Withdraw what waits to go to suppressed contacts by channels that use addresses of `kind`. Returns how many."""
    channels = [name for name in registry.names() if registry.get(name).recipient_kind == kind]
    workspace = Workspace.objects.get(pk=workspace_id)
    with workspace_scope(workspace):
        return withdraw_unsent_to(
            workspace=workspace, contact_ids=contact_ids, channels=channels, reason="the recipient is suppressed"
        )


def withdraw_unsent_to(
    *, workspace: Workspace, contact_ids: Sequence[UUID], reason: str, channels: Sequence[str] | None = None
) -> int:
    """Withdraw what waits to go to contacts, by any channel or by `channels`. Returns how many. Inside the scope."""
    with transaction.atomic():
        now = database_now()
        waiting = ExecutionRequest.objects.filter(workspace=workspace, contact_id__in=contact_ids, status__in=_UNSENT)
        if channels is not None:
            waiting = waiting.filter(channel__in=channels)
        moved = move(
            workspace_id=workspace.id,
            ids=list(waiting.order_by("id").values_list("id", flat=True)),
            to=Status.CANCELLED,
            action="request.cancelled",
            actor=system_actor("suppression"),
            values={"settled_at": now, "last_error": f"Withdrawn: {reason}.", "due_at": None},
            data={"reason": reason},
            only_from=_UNSENT,
            strict=False,
        )
        close_gates(workspace_id=workspace.id, ids=moved, state=GateState.CLOSED, now=now)
    return len(moved)
