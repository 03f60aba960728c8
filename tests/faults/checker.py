"""What became of requests, by the mail server's own log: the oracle is what it fsynced, never our tables."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from execution.models import Attempt, AttemptState, ExecutionRequest, Worker
from execution.states import Status
from tests.support.engine import Engine
from tests.support.processes import Running, descendants, wait_until
from workspaces.scope import workspace_scope

_UNDER_WAY = (Status.APPROVED, Status.DISPATCHING)
_SURFACED = (Status.UNCERTAIN, Status.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """doubled: arrived more than once. lost: neither arrived nor surfaced. uncertain: shown to a person, by worker."""

    arrived: int
    doubled: frozenset[UUID]
    lost: frozenset[UUID]
    uncertain: Counter[UUID]

    def __str__(self) -> str:
        return (
            f"{self.arrived} arrived, {len(self.doubled)} doubled, {len(self.lost)} lost, "
            f"{self.uncertain.total()} uncertain of {len(self.uncertain)} workers"
        )


def backlog(engine: Engine) -> int:
    """How many are approved or being carried out."""
    with workspace_scope(engine.cast.workspace):
        return ExecutionRequest.objects.filter(status__in=_UNDER_WAY).count()


def wait_for_rest(engine: Engine, *, seconds: float = 180) -> None:
    """Until every request is settled or shown to a person."""
    wait_until(lambda: backlog(engine) == 0, seconds=seconds, what="the end of all requests")


def all_took_part(engine: Engine, clusters: Collection[Running]) -> bool:
    """Whether a worker of each of these, which still run, made a call."""
    with workspace_scope(engine.cast.workspace):
        took_part = set(Attempt.objects.values_list("worker", flat=True))
    pids = set(Worker.objects.filter(pk__in=took_part).values_list("pid", flat=True))
    return all(pids & set(descendants(cluster.pid)) for cluster in clusters)


def judge(engine: Engine, ids: Collection[UUID]) -> Verdict:
    """Compare what was approved with what arrived."""
    copies = engine.sink.copies()
    with workspace_scope(engine.cast.workspace):
        status = dict(ExecutionRequest.objects.filter(id__in=list(ids)).values_list("id", "status"))
        unknown = Attempt.objects.filter(state=AttemptState.UNCERTAIN).values_list("worker", flat=True)
        uncertain = Counter(unknown)
    return Verdict(
        arrived=len(copies),
        doubled=frozenset(found for found, times in copies.items() if times > 1),
        lost=frozenset(one for one in ids if one not in copies and status[one] not in _SURFACED),
        uncertain=uncertain,
    )
