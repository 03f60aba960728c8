"""The world that tests act in: its stage, its people, its surroundings, and here time, workers and the queue."""

from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from execution.engine import sweep
from execution.engine.drain import DrainResult, drain
from execution.engine.preflight import preflight
from execution.engine.recover import recover_dead_workers
from execution.models import ExecutionRequest
from execution.states import Status
from tests.machine.people import People
from tests.machine.promises import Broken
from tests.machine.recorder import Answer
from tests.machine.rig import LEASE
from tests.machine.surroundings import Surroundings
from tests.machine.workers import SteppedWorker
from workspaces.scope import all_workspaces, workspace_scope


class World(People, Surroundings):
    """Everything together."""

    def let_pass(self, seconds: float) -> None:
        self.rig.advance(seconds)

    def let_pass_until(self, hour: int, zone: str) -> None:
        """Let time pass until it is half past an hour of somebody's day."""
        wall = self.now().astimezone(ZoneInfo(zone))
        self.rig.advance(((hour * 60 + 30) - (wall.hour * 60 + wall.minute)) % 1440 * 60.0)

    def sweep(self) -> None:
        """The sweep of this workspace, as the keeper does it."""
        with all_workspaces("the sweep serves every workspace"):
            sweep._expire(self.workspace)

    def recover(self) -> None:
        recover_dead_workers()

    def worker(self, *, manual: bool = False, only: Sequence[UUID] | None = None) -> SteppedWorker:
        """A new worker, which stands before its first mark."""
        thread = self.rig.free_thread()
        assert thread is not None, "no thread is free for another worker"
        worker = SteppedWorker(thread=thread, workspace=self.workspace, manual=manual, only=only, guards=self.guards)
        self.promises.manual[worker] = manual
        self.workers.append(worker)
        return worker

    def step(self, worker: SteppedWorker, answer: Answer = Answer.OK) -> None:
        """One step of a worker, watched."""
        with self.promises.watching(worker):
            worker.go_on(answer)
        self._forget_finished()

    def kill(self, worker: SteppedWorker) -> None:
        """SIGKILL where it stands; others find out once its lease has run out."""
        worker.die()
        self._forget_finished()

    def run(self, worker: SteppedWorker, answer: Answer = Answer.OK) -> None:
        """All that is left for a worker to do, each step watched and every promise held against it."""
        for _ in range(200):
            if worker.is_over:
                return
            self.step(worker, answer)
            self.check()
        raise AssertionError("A worker does not come to an end.")

    def ring(self, answer: Answer = Answer.OK) -> DrainResult:
        """A bell is delivered: a whole drain at once."""
        self.rig.answer = answer
        # The time a drain has is the host's: a test that was stopped for a while goes on all the same.
        return drain(manual=False, workspace=self.workspace, lanes=1, seconds=86_400)

    def come_to_rest(self) -> None:
        """Let everything under way end and nothing stand in its way: whatever is approved then goes, or says why not
        and until when (P4).
        """
        for worker in list(self.workers):
            worker.dies_at = ""
            self.run(worker)
        self.release_everything()
        self.resume_account()
        self.let_pass(LEASE + 1)
        self.recover()
        self.check()
        for _ in range(10):
            self.let_pass(100_000)
            if not self.ring().claimed:
                break
            self.check()
        self.check()
        self.promises.check_audit()
        now = self.now()
        with workspace_scope(self.workspace):
            rows = ExecutionRequest.objects.filter(status__in=[Status.APPROVED, Status.DISPATCHING, Status.PROPOSED])
            for row in rows:
                if row.status != Status.APPROVED or not row.wait_reason or row.due_at is None or row.due_at <= now:
                    raise Broken("P4", f"{row} is {row.status} and waits for nothing ({row.wait_reason})")

    def work(self, *, only_the_last: bool = False) -> None:
        """A new worker from its first step to its last."""
        self.run(self.worker(only=[self.last] if only_the_last and self.last else None))

    def foretell(self, request_id: UUID, *, manual: bool = True) -> None:
        """Ask whether it would go now, then have it carried out: the answer has to come true."""
        with workspace_scope(self.workspace):
            row = ExecutionRequest.objects.select_related("workspace").get(pk=request_id)
        told = preflight(request=row, manual=manual, guards=self.guards)
        self.run(self.worker(manual=manual, only=[request_id] if manual else None))
        went = self.status(request_id) == Status.SUCCEEDED
        if went != told.would_send:
            why = [check.detail for check in told.checks if not check.ok]
            raise Broken("preflight", f"it said {told.would_send} ({why}), and {went} came true")

    def leave(self) -> None:
        """End whatever is still under way, so that the next world finds the threads free, and nothing of this one that
        the release of a global hold would have to wake.
        """
        for worker in self.workers:
            if not worker.is_over:
                worker.die()
        self._forget_finished()
        with workspace_scope(self.workspace):
            ExecutionRequest.objects.filter(status=Status.APPROVED).update(status=Status.CANCELLED, due_at=None)

    def _forget_finished(self) -> None:
        self.workers = [worker for worker in self.workers if not worker.is_over]
