"""The holds as all lanes of a process see them: read together, never older than P6 allows."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from execution.engine.facts import Facts
from execution.engine.guards import covers
from execution.engine.load import holds_in_force
from execution.models import Hold
from workspaces.models import Workspace
from workspaces.prepared import Prepared
from workspaces.settings_store import get_setting

OLD_AFTER = 0.05  # seconds; P6 allows 100 ms from a hold's commit

_EPOCH = Prepared(
    lambda workspace_id: Workspace.objects.filter(pk=workspace_id).values_list("guard_epoch", flat=True),
    workspace_id=UUID,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was in force in one workspace. `at`: by the monotonic clock, taken before the database was asked."""

    at: float
    epoch: int
    holds: Sequence[Hold]
    paused: bool

    def over(self, facts: Facts) -> str:
        """The scope of a hold that stops this request, or ""."""
        if self.paused:
            return "global"
        return next((str(hold.scope) for hold in self.holds if covers(hold=hold, facts=facts)), "")


class HoldWatch:
    """One a process. Twenty lanes that each asked for themselves would ask as often as they send."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[UUID, Seen] = {}

    def saw(self, *, facts: Facts, at: float) -> None:
        """A mark has just read what is in force; `at` is from before it asked."""
        ground = facts.ground
        seen = Seen(at=at, epoch=ground.workspace.guard_epoch, holds=ground.holds, paused=ground.paused)
        with self._lock:
            known = self._seen.get(ground.workspace.id)
            if known is None or known.at < at:
                self._seen[ground.workspace.id] = seen

    def forget(self) -> None:
        """The next look asks the database: something was just held from here."""
        with self._lock:
            self._seen.clear()

    def over(self, facts: Facts) -> str:
        """The scope of a hold that stops this request, or ""."""
        workspace = facts.ground.workspace
        known = self._seen.get(workspace.id)
        if known is None or time.monotonic() - known.at > OLD_AFTER:
            with self._lock:
                known = self._fresh(workspace)
        return known.over(facts)

    def _fresh(self, workspace: Workspace) -> Seen:
        known, now = self._seen.get(workspace.id), time.monotonic()
        if known is not None and now - known.at <= OLD_AFTER:
            return known  # another lane has asked while this one waited
        (epoch,) = _EPOCH.rows(workspace_id=workspace.id)
        if known is not None and known.epoch == epoch:
            seen = Seen(at=now, epoch=epoch, holds=known.holds, paused=known.paused)
        else:
            paused = get_setting(key="global_pause", workspace=workspace)
            seen = Seen(at=now, epoch=epoch, holds=holds_in_force(workspace_id=workspace.id), paused=paused)
        self._seen[workspace.id] = seen
        return seen
