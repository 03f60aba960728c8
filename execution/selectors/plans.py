"""A plan's requests, counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from execution.models import ExecutionPlan, ExecutionRequest
from execution.states import ENDED, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProgress:
    """How far a plan is. `settled` requests need nothing more; `performed` ones were carried out."""

    total: int
    settled: int
    performed: int
    performed_dry: int
    counts: dict[str, int]

    @property
    def fraction(self) -> float:
        """Settled of all, from 0 to 1."""
        return self.settled / self.total if self.total else 0.0


def plan_counts(plan: ExecutionPlan) -> dict[str, int]:
    """The plan's requests by status; a status nobody has is 0."""
    return _counts([plan.pk])[plan.pk]


def plan_progress(plans: Iterable[ExecutionPlan]) -> dict[UUID, PlanProgress]:
    """The progress of each plan, in one query for all."""
    plans = list(plans)
    counted = _counts([plan.pk for plan in plans])
    return {
        plan.pk: PlanProgress(
            total=plan.size,
            # Counted from the others: what retention cleared was settled too.
            settled=max(0, plan.size - sum(n for status, n in counted[plan.pk].items() if status not in ENDED)),
            performed=plan.performed,
            performed_dry=plan.performed_dry,
            counts=counted[plan.pk],
        )
        for plan in plans
    }


def _counts(plan_ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    counts = {plan_id: dict.fromkeys(Status.values, 0) for plan_id in plan_ids}
    rows = ExecutionRequest.objects.filter(plan_id__in=plan_ids).order_by().values_list("plan_id", "status")
    for plan_id, status, number in rows.annotate(number=Count("id")):
        counts[plan_id][status] = number
    return counts
