"""How far plans are, counted while outcomes are settled and written as the last thing before the commit."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db.models import F

from execution.models import ExecutionPlan


class PlanProgress:
    """What a transaction has to add to its plans. `counts`: plan -> performed, and of these rehearsed."""

    def __init__(self) -> None:
        self.counts: dict[UUID, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, *, plan_id: UUID, dry: bool) -> None:
        """One request of a plan was performed."""
        self.counts[plan_id][0] += 1
        self.counts[plan_id][1] += dry


@contextmanager
def plan_progress_last() -> Iterator[PlanProgress]:
    """In a transaction, around all that it does.

    Whoever works on a plan writes to its one row, so from there to the commit all the others wait: lanes, processes and
    clusters. In id order, so that two with the same plans never wait in a ring; and nobody who holds a plan's row may
    wait for requests of it.
    """
    progress = PlanProgress()
    yield progress
    for plan_id, (count, dry) in sorted(progress.counts.items()):
        ExecutionPlan.objects.filter(pk=plan_id).update(
            performed=F("performed") + count, performed_dry=F("performed_dry") + dry
        )
