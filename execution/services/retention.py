"""Retention: what is over for longer than a workspace keeps it is deleted for good, in short transactions.

One process at a time works on a workspace. Each chunk is whole in its transaction, with its audit entry and its place
in the run's record, so that breaking off anywhere loses nothing and the next run goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.models import Limit, LimitMark, RetentionRun, Worker
from execution.services.clearing import NEWS_KEPT_FOR, Kind, kinds
from workspaces import audit
from workspaces.actors import system_actor
from workspaces.clock import database_now
from workspaces.errors import Conflict
from workspaces.ids import lowest_id
from workspaces.installation import is_restored
from workspaces.models import Workspace
from workspaces.scope import all_workspaces, workspace_scope

CHUNK = 500  # rows in one transaction
_SPACE = 0x6A7F  # the first key of the two-key advisory lock
_INSTALLATION = 0


@dataclass(slots=True, kw_only=True)
class Cleared:
    """What one run deleted, by kind. `is_complete`: False where it was stopped before the end."""

    deleted: dict[str, int] = field(default_factory=dict)
    is_complete: bool = False


class _Busy(Exception):
    """Another process is at it."""


def _to_the_end() -> bool:
    return True


def retain(*, workspace: Workspace | None = None, may_go_on: Callable[[], bool] = _to_the_end) -> dict[str, Cleared]:
    """Delete what is kept no longer, of one workspace, or of all and then of the installation itself.

    may_go_on: asked before each chunk. Returns what was deleted by the workspace's slug, the installation's under "".
    A workspace that another process works on at this moment is left to that one, and missing in the answer.
    Raises Conflict in a restored or copied database that nobody resumed: there people still look at what was sent.
    """
    if is_restored():
        raise Conflict("This database was restored or copied. Resume first (page “After a restore”); then it clears.")
    cleared: dict[str, Cleared] = {}
    for one in [workspace] if workspace else Workspace.objects.order_by("id"):
        try:
            cleared[one.slug] = _clear_workspace(workspace=one, may_go_on=may_go_on)
        except _Busy:
            continue
    if workspace is None:
        try:
            cleared[""] = _clear_installation(may_go_on=may_go_on)
        except _Busy:
            pass  # the other process does the same
    return cleared


def cutoff_of(*, workspace: Workspace, now: datetime, days: int | None = None) -> datetime:
    """What was over before this goes; days: as if the workspace kept that many."""
    return now - timedelta(days=workspace.retention_days if days is None else days)


def _clear_workspace(*, workspace: Workspace, may_go_on: Callable[[], bool]) -> Cleared:
    now = database_now()
    cutoff = cutoff_of(workspace=workspace, now=now)
    with workspace_scope(workspace):
        run = _begin(workspace=workspace, cutoff=cutoff, now=now)
        cleared = Cleared()
        for kind in kinds():
            while True:
                if not may_go_on():
                    return cleared
                found, gone = _clear_chunk(workspace=workspace, kind=kind, run=run, now=now)
                if gone:
                    cleared.deleted[kind.name] = cleared.deleted.get(kind.name, 0) + gone
                if found < CHUNK or not gone:
                    break
        cleared.is_complete = True
        run.is_complete, run.ended_at = True, database_now()
        run.save(update_fields=["is_complete", "ended_at"])
    return cleared


def _begin(*, workspace: Workspace, cutoff: datetime, now: datetime) -> RetentionRun:
    """The record of this run; of the one before where that was stopped before its end."""
    with transaction.atomic():
        _alone(workspace.id)
        last = RetentionRun.objects.filter(workspace=workspace).order_by("-id").first()
        if last is not None and not last.is_complete:
            last.cutoff, last.ended_at = cutoff, now
            last.save(update_fields=["cutoff", "ended_at"])
            return last
        return RetentionRun.objects.create(workspace=workspace, started_at=now, ended_at=now, cutoff=cutoff)


def _clear_chunk(*, workspace: Workspace, kind: Kind, run: RetentionRun, now: datetime) -> tuple[int, int]:
    """Delete one chunk; how many rows were found due, and how many were deleted."""
    with transaction.atomic():
        _alone(workspace.id)
        due = kind.due(workspace, run.cutoff, now).select_for_update(skip_locked=True, of=("self",))
        ids: list[UUID] = list(due.values_list("pk", flat=True)[:CHUNK])
        gone = kind.delete(workspace, ids) if ids else []
        if gone:
            run.deleted = {**run.deleted, kind.name: run.deleted.get(kind.name, 0) + len(gone)}
            run.ended_at = database_now()
            run.save(update_fields=["deleted", "ended_at"])
            _record(workspace_id=workspace.id, kind=kind.name, rows=len(gone), ids=gone, cutoff=run.cutoff)
    return len(ids), len(gone)


def _record(
    *, workspace_id: UUID | None, kind: str, rows: int, ids: Sequence[UUID] = (), cutoff: datetime | None = None
) -> None:
    # The ids, which name nobody, are what a page that somebody still has a link to is told by.
    audit.record(
        action="retention.deleted",
        actor=system_actor("retention"),
        workspace_id=workspace_id,
        subjects=ids,
        data={"kind": kind, "rows": rows, "before": cutoff.isoformat() if cutoff else None},
    )


def _clear_installation(*, may_go_on: Callable[[], bool]) -> Cleared:
    """What belongs to no workspace: marks older than every limit's window, and workers that ended."""
    cleared = Cleared()
    for name, clear in (("limit marks", _clear_marks), ("workers", _clear_workers)):
        while True:
            if not may_go_on():
                return cleared
            with transaction.atomic():
                _alone(None)
                count = clear()
                if count:
                    _record(workspace_id=None, kind=name, rows=count)
                    cleared.deleted[name] = cleared.deleted.get(name, 0) + count
            if count < CHUNK:
                break
    cleared.is_complete = True
    return cleared


def _clear_marks() -> int:
    """The oldest marks, by the order they were made in: none that the longest window of all limits reaches."""
    with all_workspaces("the longest window of all limits decides"):
        longest = Limit.objects.order_by().aggregate(Max("period_seconds"))["period_seconds__max"] or 0
    before = database_now() - max(NEWS_KEPT_FOR, timedelta(seconds=longest))
    oldest = LimitMark.objects.order_by("pk").values_list("pk", "at")[:CHUNK]
    gone, _ = LimitMark.objects.filter(pk__in=[pk for pk, at in oldest if at < before]).delete()
    return gone


def _clear_workers() -> int:
    before = database_now() - NEWS_KEPT_FOR
    ended = Worker.objects.filter(id__lt=lowest_id(before), ended_at__lt=before).order_by("id")
    gone, _ = Worker.objects.filter(pk__in=list(ended.values_list("pk", flat=True)[:CHUNK])).delete()
    return gone


def _alone(workspace_id: UUID | None) -> None:
    """Until the commit nobody else clears this workspace. Raises _Busy. SQLite has one writer."""
    if connection.vendor != "postgresql":
        return
    key = (workspace_id.int & 0x7FFFFFFF) or 1 if workspace_id else _INSTALLATION
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_SPACE, key])
        if not cursor.fetchone()[0]:
            raise _Busy
