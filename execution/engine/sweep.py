"""The sweep: what must happen even if every bell is lost. Needs no queue."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from execution import queue
from execution.models import ExecutionRequest, GateDefinition, GateState, RequestGate
from execution.services.canaries import follow_canaries
from execution.services.erasing import erase_leftovers
from execution.services.gating import close_gates
from execution.states import Status
from execution.transitions import move
from workspaces.actors import system_actor
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.scope import all_workspaces, workspace_scope

_AT_MOST = 1_000  # rows a workspace and sweep; the next one takes the rest


def sweep() -> int:
    """Expire what waited too long, follow the first requests of large plans, blank what erased people left, ring for
    what is due. Returns how many expired.
    """
    expired = 0
    with all_workspaces("the sweep serves every workspace"):
        for workspace in Workspace.objects.all():
            expired += _expire(workspace)
            erase_leftovers(workspace=workspace)
            with workspace_scope(workspace):
                follow_canaries(workspace=workspace)
        if ExecutionRequest.objects.filter(status=Status.APPROVED, due_at__lte=database_now()).exists():
            queue.ring_unless_ringing()
    return expired


def _expire(workspace: Workspace) -> int:
    now = database_now()
    with transaction.atomic():
        waiting = ExecutionRequest.objects.filter(
            workspace=workspace, status__in=[Status.PENDING, Status.NEEDS_CHANGES, Status.APPROVED], expires_at__lte=now
        )
        ids = list(waiting.order_by("id").values_list("id", flat=True)[:_AT_MOST])
        unanswered = set(_unanswered(workspace, now=now)) - set(ids)
        unused = set(_unused(workspace, now=now)) - set(ids)
        count = 0
        for group, reason in (
            (ids, "its time ran out"),
            (sorted(unanswered), "nobody answered in time"),
            (sorted(unused), "its approval was not used in time"),
        ):
            moved = move(
                workspace_id=workspace.id,
                ids=group,
                to=Status.EXPIRED,
                action="request.expired",
                actor=system_actor("sweeper"),
                values={"settled_at": now, "last_error": f"Expired: {reason}.", "due_at": None},
                data={"reason": reason},
                strict=False,
            )
            close_gates(workspace_id=workspace.id, ids=moved, state=GateState.CLOSED, now=now)
            count += len(moved)
    return count


def _unanswered(workspace: Workspace, *, now: datetime) -> list[UUID]:
    """Requests at a gate for longer than the gate lets them wait."""
    found: list[UUID] = []
    for gate in GateDefinition.objects.filter(workspace=workspace):
        since = now - timedelta(seconds=gate.expires_after_seconds)
        open_gates = RequestGate.objects.filter(
            workspace=workspace, name=gate.name, state=GateState.OPEN, opened_at__lte=since
        )
        found += open_gates.values_list("request_id", flat=True)[:_AT_MOST]
    return found


def _unused(workspace: Workspace, *, now: datetime) -> list[UUID]:
    """Requests approved for longer than a gate they passed lets an approval lie. The guard `expiry` says the same."""
    found: list[UUID] = []
    for gate in GateDefinition.objects.filter(workspace=workspace):
        since = now - timedelta(seconds=gate.expires_after_seconds)
        passed = RequestGate.objects.filter(
            Q(request__scheduled_for=None) | Q(request__scheduled_for__lte=since),
            workspace=workspace,
            name=gate.name,
            state=GateState.PASSED,
            revision=F("request__revision"),
            request__status=Status.APPROVED,
            request__approved_at__lte=since,
        )
        found += passed.values_list("request_id", flat=True)[:_AT_MOST]
    return found
