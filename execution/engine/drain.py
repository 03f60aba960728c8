"""The drain: claim and perform what is due, until nothing is, with as many lanes as the work needs."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection

from execution.engine import stopping
from execution.engine.guards import GUARDS, Guard
from execution.engine.lane import Lane, Tally
from execution.engine.worker import running_worker
from workspaces.actors import system_actor
from workspaces.models import Workspace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainResult:
    """How many requests were claimed, and what became of them; the rest was given back or will be tried again.

    crowded: how many lanes left something due because others have all connections that its account allows.
    """

    claimed: int
    succeeded: int
    failed: int
    uncertain: int
    crowded: int = 0


def drain(
    *,
    manual: bool = False,
    workspace: Workspace | None = None,
    request_ids: Sequence[UUID] | None = None,
    seconds: float = 60.0,
    lanes: int | None = None,
    guards: Sequence[Guard] = GUARDS,
) -> DrainResult:
    """Perform what is due.

    manual: started by a person, the cron endpoint or the command line, so that it acts although carrying out by itself
    is off. workspace: only this one's. request_ids: only these, due or not, each looked at once, by one lane.
    seconds: nothing is begun after them. lanes: threads at most, ENGINE_LANES where None; a second one starts only
    when there is more than one chunk.
    """
    until = time.monotonic() + seconds
    actor = system_actor("executor")
    total = Tally()
    with running_worker() as worker:
        others = _Others(most=(lanes or settings.ENGINE_LANES) - 1 if request_ids is None else 0)

        def may_go_on() -> bool:
            return not stopping.requested.is_set() and not others.over.is_set() and time.monotonic() < until

        def lane(on_backlog: bool) -> Lane:
            return Lane(
                worker=worker,
                manual=manual,
                actor=actor,
                may_go_on=may_go_on,
                on_backlog=others.start if on_backlog else lambda: None,
                only=request_ids,
                workspace=workspace,
                guards=guards,
            )

        others.make = lambda: lane(False)
        first = lane(True)
        try:
            first.run()
        except BaseException:
            others.over.set()  # a queue's timeout arrives as SystemExit in this thread: the others end after their call
            raise
        finally:
            tallies = [first.tally, *others.join()]
            for tally in tallies:
                total.add(asdict(tally))
    return DrainResult(**asdict(total))


class _Others:
    """The lanes besides the first: started together when a backlog shows, and anew once all of them have left it.

    They leave where the backlog's account has no connection for them, and come back for what other accounts get to do.
    """

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.over = threading.Event()
        self.lanes: list[Lane] = []
        self.threads: list[threading.Thread] = []
        self.make: Callable[[], Lane] | None = None

    def start(self) -> None:
        if self.make is None or any(thread.is_alive() for thread in self.threads):
            return
        for number in range(self.most):
            lane = self.make()
            self.lanes.append(lane)
            thread = threading.Thread(target=_run, args=(lane,), name=f"lane {number + 2}")
            self.threads.append(thread)
            thread.start()

    def join(self) -> list[Tally]:
        for thread in self.threads:
            thread.join()
        return [lane.tally for lane in self.lanes]


def _run(lane: Lane) -> None:
    try:
        lane.run()
    except Exception:
        # What it had begun is in the journal; the recovery settles it once the worker's lease is over.
        logger.exception("A lane of worker %s broke off.", lane.worker.id)
    finally:
        connection.close()
