"""Workers that go only as far as they are told: the shipped lane, in a thread that stops at each of its steps."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from uuid import UUID

from django.db import connection

from execution.engine.guards import GUARDS, Guard
from execution.engine.lane import Lane
from execution.engine.worker import running_worker
from tests.machine.recorder import Answer, Call
from workspaces.actors import system_actor
from workspaces.models import Workspace

_PATIENCE = 60  # seconds after which a step that does not come back fails the test


class Killed(BaseException):
    """The process died here. Nothing in the shipped code may catch it."""


class Thread:
    """A thread kept for many workers in turn, since each thread has a database connection of its own."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.busy = False
        self._thread = threading.Thread(target=self._serve, name="stepped worker", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while job := self.jobs.get():
                job()
        finally:
            connection.close()

    def close(self) -> None:
        self.jobs.put(None)
        self._thread.join(_PATIENCE)


class SteppedWorker:
    """One worker. `place` says where it stands, "" once it is over:

    before_mark: nothing is marked. marked: a chunk is `dispatching`. on: it asks itself whether it may go on (before
    each call, and after the last). calling: the service has the call. called: its effect is there, unanswered.
    """

    here = threading.local()

    def __init__(
        self,
        *,
        thread: Thread,
        workspace: Workspace,
        manual: bool = False,
        only: Sequence[UUID] | None = None,
        guards: Sequence[Guard] = GUARDS,
    ) -> None:
        self.thread = thread
        self.place = ""
        self.error: BaseException | None = None
        self.dies_at = ""
        self.stopping = False
        self._workspace, self._manual, self._only, self._guards = workspace, manual, only, guards
        self._has_chunk = False
        self._orders: SimpleQueue[object] = SimpleQueue()
        self._places: SimpleQueue[str] = SimpleQueue()
        thread.busy = True
        thread.jobs.put(self._run)
        self._wait()

    @property
    def is_over(self) -> bool:
        return not self.place

    def go_on(self, answer: Answer = Answer.OK) -> None:
        """Take one step; `answer` is what the service says, where it has the call."""
        self._orders.put(answer)
        self._wait()

    def die(self) -> None:
        """Be killed where it stands."""
        self._orders.put(Killed())
        self._wait()

    def finish(self) -> None:
        """Go on until nothing is left to do."""
        while not self.is_over:
            self.go_on()

    def _wait(self) -> None:
        try:
            self.place = self._places.get(timeout=_PATIENCE)
        except Empty:
            raise AssertionError("A worker neither stopped nor went on: it waits for a lock.") from None
        if self.is_over:
            self.thread.busy = False
            if self.error is not None and not isinstance(self.error, Killed):
                raise self.error

    # From here on: called on the worker's own thread.

    def _run(self) -> None:
        SteppedWorker.here.worker = self
        try:
            with running_worker() as worker:
                Lane(
                    worker=worker,
                    manual=self._manual,
                    actor=system_actor("executor"),
                    may_go_on=self._may_go_on,
                    on_backlog=lambda: None,
                    only=self._only,
                    workspace=self._workspace,
                    guards=self._guards,
                ).run()
        except BaseException as error:  # noqa: BLE001  (told to whoever waits for the next step)
            self.error = error
        finally:
            SteppedWorker.here.worker = None
            self._places.put("")

    def _may_go_on(self) -> bool:
        if self._has_chunk:
            self._stop("on")
        return not self.stopping

    def reached(self, name: str) -> None:
        if name == self.dies_at:
            raise Killed
        if name in ("before_mark", "marked"):
            self._has_chunk = name == "marked"
            self._stop(name)

    def calling(self, call: Call) -> Answer:
        order = self._stop("calling")
        assert isinstance(order, Answer)
        return order

    def called(self, call: Call) -> None:
        self._stop("called")

    def _stop(self, place: str) -> object:
        self._places.put(place)
        order = self._orders.get()
        if isinstance(order, Killed):
            raise order
        return order


def worker_here() -> SteppedWorker | None:
    """The stepped worker whose thread this is; None on any other thread."""
    return getattr(SteppedWorker.here, "worker", None)
