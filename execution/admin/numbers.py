"""The few numbers every page shows and the dashboard polls. Inside a workspace's scope."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from execution.models import Alert, ExecutionRequest, Hold
from execution.states import STALE, Status
from workspaces.models import Workspace

_COUNTED = (Status.PENDING, Status.NEEDS_CHANGES, Status.APPROVED, Status.DISPATCHING, Status.UNCERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is open in a workspace now."""

    waiting: int
    needs_changes: int
    approved: int
    in_flight: int
    uncertain: int
    overdue: int
    alerts: int
    holds: Sequence[Hold]

    def as_dict(self) -> dict[str, int]:
        """By name, as badges and the polled answer use them."""
        return {
            "waiting": self.waiting,
            "needs_changes": self.needs_changes,
            "approved": self.approved,
            "in_flight": self.in_flight,
            "uncertain": self.uncertain,
            "overdue": self.overdue,
            "alerts": self.alerts,
            "holds": len(self.holds),
        }


def numbers_of(*, workspace: Workspace) -> Numbers:
    """Three queries, each on an index that holds only what is open."""
    rows = (
        ExecutionRequest.objects.filter(workspace=workspace, status__in=_COUNTED)
        .order_by()
        .values_list("status")
        .annotate(number=Count("id"), overdue=Count("id", filter=Q(wait_reason=STALE)))
    )
    by_status = {status: number for status, number, _ in rows}
    overdue = sum(row[2] for row in rows)
    return Numbers(
        waiting=by_status.get(Status.PENDING, 0),
        needs_changes=by_status.get(Status.NEEDS_CHANGES, 0),
        approved=by_status.get(Status.APPROVED, 0),
        in_flight=by_status.get(Status.DISPATCHING, 0),
        uncertain=by_status.get(Status.UNCERTAIN, 0),
        overdue=overdue,
        alerts=open_alerts(workspace=workspace).count(),
        holds=holds_in_force(workspace=workspace),
    )


def open_alerts(*, workspace: Workspace):  # type: ignore[no-untyped-def]
    """Alerts that nobody has acknowledged and that have not ended."""
    return Alert.objects.filter(workspace=workspace, acknowledged_at=None, resolved_at=None)


def holds_in_force(*, workspace: Workspace) -> Sequence[Hold]:
    """The holds that stop something here, everything's first."""
    mine = Q(workspace=workspace) | Q(workspace=None)
    rows = Hold.objects.select_related("set_by", "workspace").filter(mine, released_at=None)
    width = {"global": 0, "workspace": 1}
    return sorted(rows, key=lambda hold: (width.get(hold.scope, 2), hold.set_at))
