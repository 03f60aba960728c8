"""What is kept, what the next clearing would delete, and what the last one did. Counts never read everything."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from execution.models import RetentionRun
from execution.services.clearing import kinds
from execution.services.retention import cutoff_of
from workspaces.clock import database_now
from workspaces.errors import NotFound
from workspaces.models import Workspace
from workspaces.selectors import audit_entries

COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How many rows of one kind would go; `is_capped`: there are more than were counted."""

    kind: str
    label: str
    count: int
    is_capped: bool

    @property
    def shown(self) -> str:
        """The count in words that do not claim more than was counted."""
        return f"{self.count:,}+" if self.is_capped else f"{self.count:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the next run would delete: all that was over before the cutoff."""

    days: int
    cutoff: datetime
    lines: tuple[Line, ...]


def retention_preview(*, workspace: Workspace, days: int | None = None) -> Preview:
    """What would go if the workspace kept that many days (None: as many as it does)."""
    now = database_now()
    days = workspace.retention_days if days is None else days
    cutoff = cutoff_of(workspace=workspace, now=now, days=days)
    lines = []
    for kind in kinds():
        found = len(kind.due(workspace, cutoff, now).values_list("pk", flat=True)[: COUNTED + 1])
        lines.append(Line(kind=kind.name, label=kind.label, count=min(found, COUNTED), is_capped=found > COUNTED))
    return Preview(days=days, cutoff=cutoff, lines=tuple(lines))


def last_retention_run(*, workspace: Workspace) -> RetentionRun | None:
    """The record of the newest run, or None where none was yet."""
    return RetentionRun.objects.filter(workspace=workspace).order_by("-id").first()


def not_here(*, workspace: Workspace, what: str, object_id: UUID) -> NotFound:
    """The error for a request or plan that is not there, which says so where retention cleared it."""
    cleared = audit_entries(workspace=workspace, action="retention.deleted", subject_id=object_id).first()
    if cleared is None:
        return NotFound(f"There is no such {what} in this workspace.")
    return NotFound(
        f"Retention cleared this {what} on {cleared.at:%Y-%m-%d}, since it was over for longer than history is kept. "
        "What was decided about it stays in the audit log."
    )
