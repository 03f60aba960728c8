"""Reads over many rows, for the API, the console and the dashboard. All run inside the workspace's scope."""

from execution.selectors.canary import PlanCanary, plan_canary
from execution.selectors.detail import request_detail, with_relations
from execution.selectors.history import HistoryFilters, history, search
from execution.selectors.limits import limits_of
from execution.selectors.plans import PlanProgress, plan_counts, plan_progress
from execution.selectors.queue import PendingFilters, pending
from execution.selectors.retention import Preview, last_retention_run, not_here, retention_preview
from execution.selectors.status import (
    Figures,
    counts_by_status,
    figures,
    holds_in_force,
    in_flight,
    is_paused,
    oldest_due_seconds,
    workers_alive,
)

__all__ = [
    "Figures",
    "HistoryFilters",
    "PendingFilters",
    "PlanCanary",
    "PlanProgress",
    "Preview",
    "counts_by_status",
    "figures",
    "history",
    "holds_in_force",
    "in_flight",
    "is_paused",
    "last_retention_run",
    "limits_of",
    "not_here",
    "oldest_due_seconds",
    "pending",
    "plan_canary",
    "plan_counts",
    "plan_progress",
    "request_detail",
    "retention_preview",
    "search",
    "with_relations",
    "workers_alive",
]
