"""The slice of a plan that goes first, as people see it."""

from dataclasses import dataclass
from datetime import datetime

from execution.engine.canary import Canary, CanaryState, PlanRow, canaries_of, rules_of
from execution.models import ExecutionPlan, ExecutionRequest
from workspaces.clock import database_now
from workspaces.models import Mode
from workspaces.settings_store import effective_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCanary:
    """How a plan's slice fares. `until`: the end of the watch, once it is known. `failed` counts bounces too."""

    state: CanaryState
    size: int
    settled: int
    failed: int
    complained: int
    until: datetime | None
    words: str
    may_be_ended: bool


def plan_canary(plan: ExecutionPlan) -> PlanCanary | None:
    """None where the plan has no slice, or is nothing but a rehearsal."""
    requests = ExecutionRequest.objects.filter(plan=plan)
    if not plan.canary_size or not requests.exclude(mode=Mode.DRY_RUN).exists():
        return None
    row = PlanRow(*(getattr(plan, name) for name in PlanRow._fields))
    rules = rules_of(effective_settings(workspace=plan.workspace))
    canary = canaries_of(workspace_id=plan.workspace_id, plans=[row], rules=rules)[plan.pk]
    state = canary.state(now=database_now())
    return PlanCanary(
        state=state,
        size=canary.size,
        settled=canary.settled,
        failed=canary.failed + canary.bounced,
        complained=canary.complained,
        until=canary.until,
        words=_words(plan=plan, canary=canary, state=state),
        may_be_ended=state != CanaryState.PASSED and plan.canary_stopped_at is None,
    )


def _words(*, plan: ExecutionPlan, canary: Canary, state: CanaryState) -> str:
    match state:
        case CanaryState.RUNNING:
            return (
                f"{canary.size} of {plan.size} go first, and {canary.settled} of them are settled. The rest waits "
                "until they are done and were watched."
            )
        case CanaryState.WATCHING:
            return (
                f"The {canary.size} that went first are done, and {canary.failed + canary.bounced} of them failed or "
                f"bounced. The rest goes at {canary.until:%Y-%m-%d %H:%M} UTC, unless too many fail or one complains."
            )
        case CanaryState.STOPPED:
            wrong = canary.what_is_wrong or "What went first fared badly."
            return f"{wrong} The rest waits until a person releases the hold plan:{plan.pk}, or withdraws it."
    return f"{canary.size} of {plan.size} went first. The rest goes."
