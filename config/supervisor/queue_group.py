"""The queue's processes of one host: django-q2's pusher, workers and monitor, guarded so that they cannot hang unseen.

django-q2 replaces a worker that died, but if the dead one was killed while it held a lock of a shared queue, no other
ever gets a task again, and nothing says so. So here
- a process that was killed by a signal ends the whole group (the supervisor starts another one);
- every few seconds a probe goes through a worker and the monitor; where it does not come back although a worker is
  idle, the group ends too;
- SIGTERM lets each worker finish what it has begun, and hands back what it has not.
"""

import ctypes
import logging
import multiprocessing
import os
import queue
import signal
import sys
import time
import uuid
from multiprocessing.context import ForkProcess
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Any

from django.conf import settings
from django_q.brokers import Broker
from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.scheduler import scheduler
from django_q.signals import post_execute
from django_q.signing import SignedPackage
from django_q.worker import worker

from config.supervisor import lifeline
from execution.engine import stopping
from execution.queue import ring

logger = logging.getLogger("config.supervisor")

BROKEN_STATUS = 70
PROBE = "config.supervisor.queue_group.probe"
PROBE_SECONDS = 5
STUCK_SECONDS = 15
PUSHER_SILENT_SECONDS = 30
SCHEDULER_SECONDS = 15
_LOCK_SECONDS = 5

_fork = multiprocessing.get_context("fork")


class GroupBroken(Exception):
    """The processes of this group cannot be trusted to go on together."""


def probe(moment: float) -> None:
    """What the probe runs in a worker: nothing. That it ran is what counts."""


class _Interruptible:
    """A worker's view of the task queue: SIGTERM ends a wait for work at once, and lets work that has begun end."""

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks
        self._waiting = False
        signal.signal(signal.SIGTERM, self._stop)

    def get(self) -> Any:
        self._waiting = True
        try:
            return "STOP" if stopping.requested.is_set() else self._tasks.get()
        finally:
            self._waiting = False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        stopping.requested.set()
        if self._waiting:
            sys.exit(0)


def _run_worker(tasks: Any, results: Any, timer: Any, timeout: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lifeline.watch()
    worker(_Interruptible(tasks), results, timer, timeout)


def _run_pusher(tasks: Any, ending: Any, broker: Broker, taken: ctypes.c_double) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    lifeline.watch()
    dequeue = broker.dequeue

    def marked_dequeue() -> Any:
        taken.value = time.monotonic()
        return dequeue()

    broker.dequeue = marked_dequeue
    pusher(tasks, ending, broker)


def _run_monitor(results: Any, broker: Broker, seen: ctypes.c_double) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    lifeline.watch()

    def note(sender: object, task: dict[str, Any], **kwargs: Any) -> None:
        if task["func"] == PROBE:
            seen.value = task["args"][0]

    post_execute.connect(note, weak=False)
    monitor(results, broker)


class QueueGroup(Sentinel):
    """django-q2's sentinel with another guard, in this process itself. `run` returns when SIGTERM has been obeyed."""

    def __init__(self) -> None:
        self.stopping = False
        # Without locks: one that a killed process held would never be free again. A double is written in one piece.
        self.probe_seen = RawValue(ctypes.c_double, 0.0)
        self.pusher_seen = RawValue(ctypes.c_double, 0.0)
        self.probe_sent = 0.0
        self.stuck_since: float | None = None
        self.retired: list[tuple[ForkProcess, float]] = []
        super().__init__(_fork.Event(), _fork.Event(), uuid.uuid4(), start=False)

    def run(self) -> None:
        """Start the group and guard it until SIGTERM. Raises GroupBroken after telling the workers to finish."""
        signal.signal(signal.SIGTERM, self._obey)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.start()
        except GroupBroken:
            self._tell_workers()
            self._save_waiting()
            raise

    def _obey(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    # What django-q2 starts

    def spawn_worker(self) -> None:
        timer = _fork.Value("f", -1)
        process: Any = _fork.Process(target=_run_worker, args=(self.task_queue, self.result_queue, timer, self.timeout))
        process.daemon = True
        process.timer = timer
        process.start()
        self.pool.append(process)

    def spawn_pusher(self) -> ForkProcess:
        self.pusher_seen.value = time.monotonic()
        return self._spawn(_run_pusher, self.task_queue, self.event_out, self.broker, self.pusher_seen)

    def spawn_monitor(self) -> ForkProcess:
        return self._spawn(_run_monitor, self.result_queue, self.broker, self.probe_seen)

    def _spawn(self, target: Any, *args: Any) -> ForkProcess:
        process = _fork.Process(target=target, args=args, daemon=True)
        process.start()
        return process

    # The guard

    def guard(self) -> None:
        """Look after the processes twice a second until SIGTERM."""
        ring()  # for what an earlier group took out of the queue and did not get to
        self.start_event.set()
        self.probe_sent = self.probe_seen.value = time.monotonic()
        schedule_at = time.monotonic()
        while not self.stopping:
            for process in list(self.pool):
                self._check_worker(process)
            self._check_other(self.monitor, "monitor")
            self._check_other(self.pusher, "pusher")
            self._kill_retired()
            self._check_flow()
            if time.monotonic() >= schedule_at:
                schedule_at = time.monotonic() + SCHEDULER_SECONDS
                scheduler(broker=self.broker)
            lifeline.beat()
            time.sleep(Conf.GUARD_CYCLE)
        self.stop()

    def _check_worker(self, process: Any) -> None:
        self._refuse_killed(process, "worker")
        lock = process.timer.get_lock()
        if not lock.acquire(timeout=_LOCK_SECONDS):
            raise GroupBroken(f"worker {process.pid} keeps the lock of its timer")
        try:
            remaining = process.timer.value
            if remaining > 0:
                process.timer.value = remaining = max(0.0, remaining - Conf.GUARD_CYCLE)
            if not process.is_alive() or remaining == 0:
                if process.is_alive():
                    self.retired.append((process, time.monotonic() + settings.SHUTDOWN_GRACE_SECONDS))
                self.reincarnate(process)
        finally:
            lock.release()

    def _check_other(self, process: Any, role: str) -> None:
        self._refuse_killed(process, role)
        if not process.is_alive():
            self.reincarnate(process)

    def _refuse_killed(self, process: Any, role: str) -> None:
        # By an exception locks are released, by a signal they are not.
        if not process.is_alive() and (process.exitcode or 0) < 0:
            raise GroupBroken(f"{role} {process.pid} was killed by {signal.Signals(-process.exitcode).name}")

    def _kill_retired(self) -> None:
        for process, kill_at in list(self.retired):
            if not process.is_alive():
                self.retired.remove((process, kill_at))
            elif time.monotonic() > kill_at:
                process.kill()

    def _check_flow(self) -> None:
        """Send the next probe, and tell whether one is missing although a worker has nothing to do."""
        now = time.monotonic()
        missing = self.probe_seen.value < self.probe_sent
        if not missing and now - self.probe_sent >= PROBE_SECONDS:
            self.probe_sent = now
            task = {"id": uuid.uuid4().hex, "name": "probe", "func": PROBE, "args": (now,), "kwargs": {}, "save": False}
            try:
                self.task_queue.put_nowait(task)
            except queue.Full:
                self.probe_sent = self.probe_seen.value  # every worker has something to do
        silent = now - self.pusher_seen.value > PUSHER_SILENT_SECONDS
        idle = any(process.timer.get_obj().value < 0 for process in self.pool)
        if not (idle and (missing or silent)):
            self.stuck_since = None
        elif self.stuck_since is None:
            self.stuck_since = now
        elif now - self.stuck_since > STUCK_SECONDS:
            raise GroupBroken("nothing passes from the queue to a worker that is idle")

    # The end

    def _tell_workers(self) -> None:
        for process in [*self.pool, *(process for process, _ in self.retired)]:
            if process.is_alive():
                process.terminate()

    def stop(self) -> None:
        """Let workers finish what they have begun, hand the rest back, and let the monitor save what is done."""
        deadline = time.monotonic() + max(1, settings.SHUTDOWN_GRACE_SECONDS - 3)
        self.event_out.set()
        self._tell_workers()
        waiting = []
        tell_again_at = time.monotonic() + 1
        while any(process.is_alive() for process in self.pool) and time.monotonic() < deadline:
            waiting += self._take_back()
            lifeline.beat()
            if time.monotonic() > tell_again_at:  # one that was just forked may have missed it
                tell_again_at += 1
                self._tell_workers()
            time.sleep(0.05)
        for process in self.pool:
            if process.is_alive():
                logger.error("worker %d did not finish in time and is killed", process.pid)
                process.kill()
        self.pusher.join(1.5)
        waiting += self._take_back()
        self._hand_back(waiting)
        self.result_queue.put("STOP")
        self.monitor.join(1)
        for process in (self.pusher, self.monitor):
            if process.is_alive():
                process.kill()
        for shared in (self.task_queue, self.result_queue):
            shared.cancel_join_thread()  # nobody reads them any more

    def _save_waiting(self) -> None:
        """Hand back what waits in the memory of a broken group, reading past the queue's lock, which may be stuck."""
        # Half a message, from a pusher that was killed while writing it, would never end.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)
        for process in self.pool:
            if process.timer.get_obj().value < 0:
                process.join(0.5)  # idle workers go at once; busy ones take nothing more
        if self.pusher.is_alive():
            self.event_out.set()
        waiting, patience = [], time.monotonic() + 3
        reader, room = self.task_queue._reader, self.task_queue._sem
        # The pusher holds one more in its hand where the queue is full.
        while reader.poll(0.05) or (self.pusher.is_alive() and time.monotonic() < patience):
            if reader.poll(0):
                waiting.append(reader.recv())
                room.release()
        self.pusher.kill()
        self._hand_back([task for task in waiting if task != "STOP"])
        signal.alarm(0)

    def _take_back(self) -> list[dict[str, Any]]:
        taken = []
        while True:
            try:
                taken.append(self.task_queue.get(timeout=0.01))
            except queue.Empty:
                return taken

    def _hand_back(self, tasks: list[dict[str, Any]]) -> None:
        """Queue again what was taken out but not begun: it would else wait for its retry time."""
        for task in tasks:
            if "ack_id" in task:
                ack_id = task.pop("ack_id")
                task.pop("cluster", None)
                self.broker.enqueue(SignedPackage.dumps(task))
                self.broker.acknowledge(ack_id)


def run_group() -> int:
    """Run one group in this process, to the exit status: 0 after SIGTERM, BROKEN_STATUS where it must be replaced."""
    lifeline.watch()
    group = QueueGroup()
    try:
        group.run()
    except GroupBroken as error:
        logger.critical("The queue's processes are replaced: %s", error)
        # Without the usual end of a process, which would kill workers that are finishing what they have begun.
        logging.shutdown()
        os._exit(BROKEN_STATUS)
    return 0
