"""The slice of a large plan that goes first: chosen at propose, followed until the rest may go, or stopped."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.engine.canary import Canary, CanaryState, PlanRow, canaries_of, rules_of
from execution.models import ExecutionPlan, ExecutionRequest, Hold, HoldScope
from execution.services.alerts import raise_alert
from execution.services.holds import set_hold
from execution.states import CANARY, OPEN, Status
from workspaces import audit
from workspaces.actors import Actor, system_actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import Mode, Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope
from workspaces.settings_store import effective_settings

MOST = 100  # requests in a slice
_COLUMNS = PlanRow._fields


def choose_slice(*, workspace: Workspace, requests: Sequence[ExecutionRequest], size: int) -> int:
    """Mark those of a new plan's requests that go first, before they are written; returns how many.

    requests: those that no policy refused, of a plan of `size`. Among those that are due first they are an even sample
    over channels and domains; which of one domain, their digests say.
    """
    values = effective_settings(workspace=workspace, keys=["canary_above", "canary_percent"])
    if not values["canary_above"] or size <= values["canary_above"] or not requests:
        return 0
    count = min(-(-size * values["canary_percent"] // 100), MOST, len(requests))
    last = sorted(map(_due, requests))[count - 1]
    first = [request for request in requests if _due(request) <= last]
    first.sort(key=lambda r: (r.channel, r.to.rpartition("@")[2], r.digest))
    for place in range(count):
        first[place * len(first) // count].canary = True
    return count


def _due(request: ExecutionRequest) -> float:
    return request.scheduled_for.timestamp() if request.scheduled_for else 0.0


def follow_canaries(*, workspace: Workspace, plan_ids: Collection[UUID] | None = None) -> list[Hold]:
    """Take the slices that are not over as far as their news allow: stop the plan, time the rest, or let it go.

    Of these plans, or of all. After the commits that settled something, in the scope. Returns the holds set. The guard
    `canary` asks the news itself; this is what people see of it, and what wakes the rest.
    """
    plans = _followed().filter(workspace=workspace)
    if plan_ids is not None:
        plans = plans.filter(pk__in=plan_ids)
    rows = [PlanRow(*row) for row in plans.order_by("id").values_list(*_COLUMNS)]
    if not rows:
        return []
    rules = rules_of(effective_settings(workspace=workspace, keys=["canary_minutes", "canary_failures_percent"]))
    now, held = database_now(), []
    for plan_id, canary in canaries_of(workspace_id=workspace.id, plans=rows, rules=rules).items():
        match canary.state(now=now):
            case CanaryState.STOPPED:
                hold = _stop(workspace=workspace, plan_id=plan_id, canary=canary, now=now)
                held += [hold] if hold else []
            case CanaryState.PASSED:
                _pass(workspace=workspace, plan_id=plan_id, canary=canary)
            case CanaryState.WATCHING:
                until = canary.until
                _rest(plan_id).exclude(due_at=until).update(due_at=until, overdue_from=until)
    return held


def workspaces_with_canaries() -> set[UUID]:
    """Those with a slice that is not over. Outside any workspace's scope."""
    return set(_followed().order_by().values_list("workspace_id", flat=True).distinct())


def _followed() -> QuerySet[ExecutionPlan]:
    return ExecutionPlan.objects.filter(canary_size__gt=0, canary_over_at=None, canary_stopped_at=None)


def go_on(*, workspace: Workspace, actor: Actor, plan_id: UUID | str, reason: str) -> ExecutionPlan:
    """Let the rest of a plan go before its slice is over; every other check still applies.

    Raises InvalidInput without a reason, NotPermitted for anyone but a person who may release, NotFound, Conflict where
    nothing of it waits for a slice, or where the machine holds it.
    """
    actor.require(Permission.RELEASE, workspace_id=workspace.id)
    if not actor.is_person:
        raise NotPermitted("Only a person can do this.")
    if not reason.strip():
        raise InvalidInput("Give a reason; it is kept on record.", fields={"reason": "Needed."})
    with workspace_scope(workspace):
        with transaction.atomic():
            plan = _continued(workspace=workspace, actor=actor, plan_id=plan_id, reason=reason.strip())
        _wake(plan_id=plan.pk)
    return plan


def _continued(*, workspace: Workspace, actor: Actor, plan_id: UUID | str, reason: str) -> ExecutionPlan:
    plan = ExecutionPlan.objects.select_for_update().filter(workspace=workspace, pk=plan_id).first()
    if plan is None:
        raise NotFound("There is no such plan in this workspace.")
    if not plan.canary_size or plan.canary_over_at is not None:
        raise Conflict("Nothing of this plan waits for a slice that goes first.")
    if plan.canary_stopped_at is not None:
        raise Conflict(f"It was stopped after its slice. Release the hold plan:{plan.pk} to let the rest go.")
    plan.canary_over_at = database_now()
    plan.save(update_fields=["canary_over_at"])
    audit.record(
        action="plan.continued",
        actor=actor,
        workspace_id=workspace.id,
        subject=plan,
        data={"reason": reason},
    )
    return plan


def _pass(*, workspace: Workspace, plan_id: UUID, canary: Canary) -> None:
    with transaction.atomic():
        if not _end(plan_id):
            return
        plan = ExecutionPlan.objects.get(pk=plan_id)
        audit.record(
            action="plan.canary_passed",
            actor=system_actor("executor"),
            workspace_id=workspace.id,
            subject=plan,
            data={"failed": canary.failed + canary.bounced, "size": canary.size},
        )
    _wake(plan_id=plan_id)


def _stop(*, workspace: Workspace, plan_id: UUID, canary: Canary, now: datetime) -> Hold | None:
    """Hold the plan, once; a plan of which nothing is left to carry out needs no hold."""
    left = ExecutionRequest.objects.filter(plan_id=plan_id, canary=False).exclude(mode=Mode.DRY_RUN)
    if not left.filter(status__in=OPEN).exists():
        _end(plan_id)
        return None
    if canary.done_at is None and canary.settled == canary.size and not left.filter(status=Status.APPROVED).exists():
        return None  # turned down, so far: nobody waits for it
    reason = canary.what_is_wrong
    # The guards' lock before the plan's row, as a mark takes them.
    with transaction.atomic(), guard_change(workspace=workspace):
        if not _not_over(plan_id).update(canary_stopped_at=now):
            return None  # another process was first
        hold = set_hold(
            scope=f"{HoldScope.PLAN.value}:{plan_id}",
            reason=reason[:300],
            actor=system_actor("executor"),
            workspace=workspace,
        )
        plan = ExecutionPlan.objects.get(pk=plan_id)
        audit.record(
            action="plan.canary_stopped",
            actor=system_actor("executor"),
            workspace_id=workspace.id,
            subject=plan,
            data={"reason": reason},
        )
    raise_alert(
        workspace_id=workspace.id,
        kind="canary_stopped",
        fingerprint=f"hold:{hold.pk}",
        title=f"Stopped after its first requests: {plan.title}"[:200],
        detail=f"{reason} The rest of the plan waits until a person releases the hold.",
    )
    return hold


def _not_over(plan_id: UUID) -> QuerySet[ExecutionPlan]:
    return ExecutionPlan.objects.filter(pk=plan_id, canary_over_at=None, canary_stopped_at=None)


def _end(plan_id: UUID) -> bool:
    """Whether it was this process that ended it."""
    return bool(_not_over(plan_id).update(canary_over_at=database_now()))


def _rest(plan_id: UUID) -> QuerySet[ExecutionRequest]:
    return ExecutionRequest.objects.filter(plan_id=plan_id, status=Status.APPROVED, wait_reason=CANARY)


def _wake(*, plan_id: UUID) -> None:
    """After the commit, since a mark that has some of the rest in hand may wait for the plan's row. What is not woken
    because we died in between looks again by itself.
    """
    now = database_now()
    if _rest(plan_id).update(due_at=now, overdue_from=now):
        queue.ring()
