"""How the engine stands: counts, what is in flight, what is overdue, holds and workers."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet

from execution.models import ExecutionRequest, Hold, HoldScope, Worker
from execution.states import Status
from workspaces.clock import DatabaseNow, database_now
from workspaces.models import Mode, Workspace
from workspaces.settings_store import effective_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything the status call and the dashboard's head show."""

    is_paused: bool
    is_enabled: bool
    mode: Mode
    counts: dict[str, int]
    in_flight: int
    oldest_due_seconds: float
    holds: list[Hold]
    workers: list[Worker]


def figures(*, workspace: Workspace) -> Figures:
    """The workspace's figures, in five queries."""
    setting = effective_settings(workspace=workspace, keys=["execution_enabled", "global_pause", "mode"])
    counts = counts_by_status(workspace=workspace)
    holds = list(holds_in_force(workspace=workspace))
    return Figures(
        is_paused=_pauses(holds=holds, global_pause=setting["global_pause"]),
        is_enabled=bool(settings.ENABLE_AUTO_EXECUTION and setting["execution_enabled"]),
        mode=Mode(setting["mode"]),
        counts=counts,
        in_flight=counts[Status.DISPATCHING],
        oldest_due_seconds=oldest_due_seconds(workspace=workspace),
        holds=holds,
        workers=list(workers_alive()),
    )


def counts_by_status(*, workspace: Workspace) -> dict[str, int]:
    """How many requests are in each state; a state nobody is in is 0."""
    counts = dict.fromkeys(Status.values, 0)
    rows = ExecutionRequest.objects.filter(workspace=workspace).order_by().values_list("status")
    counts.update(dict(rows.annotate(number=Count("id"))))
    return counts


def in_flight(*, workspace: Workspace) -> int:
    """How many requests are being carried out at this moment."""
    return ExecutionRequest.objects.filter(workspace=workspace, status=Status.DISPATCHING).count()


def oldest_due_seconds(*, workspace: Workspace, now: datetime | None = None) -> float:
    """How long the approved request that is due the longest has been so, in seconds; 0 where none is."""
    now = now or database_now()
    rows = ExecutionRequest.objects.filter(workspace=workspace, status=Status.APPROVED, due_at__lte=now)
    oldest = rows.aggregate(oldest=Min("due_at"))["oldest"]
    return round((now - oldest).total_seconds(), 3) if oldest else 0.0


def holds_in_force(*, workspace: Workspace | None) -> QuerySet[Hold]:
    """The workspace's holds and the global one, newest first; for None, every hold of the installation."""
    rows = Hold.objects.filter(released_at=None).select_related("workspace", "set_by")
    if workspace is not None:
        rows = rows.filter(Q(workspace=workspace) | Q(workspace=None))
    return rows.order_by("-set_at")


def is_paused(*, workspace: Workspace | None) -> bool:
    """Whether everything stands still: a hold over the installation or the workspace, or `global_pause`."""
    setting = effective_settings(workspace=workspace, keys=["global_pause"])
    holds = holds_in_force(workspace=workspace) if workspace else holds_in_force(workspace=None).filter(workspace=None)
    return _pauses(holds=list(holds), global_pause=setting["global_pause"])


def workers_alive() -> QuerySet[Worker]:
    """Processes whose lease runs by the database's clock, newest first."""
    return Worker.objects.filter(ended_at=None, lease_until__gt=DatabaseNow()).order_by("-started_at")


def _pauses(*, holds: list[Hold], global_pause: bool) -> bool:
    everything = {HoldScope.GLOBAL, HoldScope.WORKSPACE}
    return global_pause or any(hold.scope in everything for hold in holds)
