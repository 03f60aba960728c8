"""The sweep: what must happen even if every bell is lost. Needs no queue."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet

from execution import queue
from execution.models import ExecutionRequest, GateDefinition, GateState, RequestGate
from execution.services.canaries import follow_canaries, workspaces_with_canaries
from execution.services.erasing import erase_leftovers, workspaces_with_leftovers
from execution.services.gating import close_gates
from execution.states import EXPIRING, Status
from execution.transitions import move
from workspaces.actors import system_actor
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.scope import all_workspaces, workspace_scope

_AT_MOST = 1_000  # rows a workspace and sweep; the next one takes the rest


def sweep() -> int:
    """Expire what waited too long, follow the first requests of large plans, blank what erased people left, ring for
    what is due. Returns how many expired.

    What there is to do is asked once for all workspaces, and only those that have some are gone through: an
    installation has many, and a sweep comes every ten seconds.
    """
    expired = 0
    with all_workspaces("the sweep serves every workspace"):
        for workspace in _named(_with_something_to_expire(now=database_now())):
            expired += _expire(workspace)
        for workspace in _named(workspaces_with_leftovers()):
            erase_leftovers(workspace=workspace)
        for workspace in _named(workspaces_with_canaries()):
            with workspace_scope(workspace):
                follow_canaries(workspace=workspace)
        if ExecutionRequest.objects.filter(status=Status.APPROVED, due_at__lte=database_now()).exists():
            queue.ring_unless_ringing()
    return expired


def _named(ids: Iterable[UUID]) -> "QuerySet[Workspace]":
    return Workspace.objects.filter(pk__in=set(ids)).order_by("id")


def _with_something_to_expire(*, now: datetime) -> set[UUID]:
    """The workspaces in which something may have waited too long: more than those in which it did."""
    overdue = ExecutionRequest.objects.filter(status__in=EXPIRING, expires_at__lte=now)
    found = set(overdue.order_by().values_list("workspace_id", flat=True).distinct())
    least = GateDefinition.objects.aggregate(seconds=Min("expires_after_seconds"))["seconds"]
    if least is None:
        return found
    since = now - timedelta(seconds=least)
    unanswered = RequestGate.objects.filter(state=GateState.OPEN, opened_at__lte=since)
    found.update(unanswered.order_by().values_list("workspace_id", flat=True).distinct())
    unused = ExecutionRequest.objects.filter(workspace=OuterRef("pk"), status=Status.APPROVED, approved_at__lte=since)
    found.update(Workspace.objects.filter(Exists(unused)).order_by().values_list("pk", flat=True))
    return found


def _expire(workspace: Workspace) -> int:
    now = database_now()
    with transaction.atomic():
        waiting = ExecutionRequest.objects.filter(workspace=workspace, status__in=EXPIRING, expires_at__lte=now)
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
