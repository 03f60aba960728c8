"""Keeps children alive: restarts those that die or fall silent, ends all together, and takes all along when it dies."""

import ctypes
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from config.supervisor.process import Child, Program

logger = logging.getLogger("config.supervisor")

_PR_SET_CHILD_SUBREAPER = 36


def _adopt_orphans() -> None:
    """Have the kernel hand us the children of children that die, so that we can tell when a group is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Supervisor:
    """Runs `programs` until it is told to stop by SIGTERM or SIGINT.

    `grace_seconds`: how long children are given to finish what they have begun. A second signal cuts that short.
    """

    # make and shells pass on a signal that reached us already: only one that comes later is meant as a second.
    impatient_after_seconds = 2

    def __init__(self, *, programs: Sequence[Program], grace_seconds: float, environment: Mapping[str, str]) -> None:
        self.children = [Child(program=program, grace_seconds=grace_seconds) for program in programs]
        self.grace_seconds = grace_seconds
        self.environment = environment
        self.stop_at: float | None = None
        self.impatient = False
        self._lifeline, self._lifeline_kept = os.pipe()
        self._wake, wake_writing = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_writing, False)
        self._wake_writing = wake_writing

    def run(self) -> int:
        """Start every child and look after it; returns the exit status once all have ended."""
        _adopt_orphans()
        signal.set_wakeup_fd(self._wake_writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # wakes the loop up
        while self.stop_at is None:
            for child in self.children:
                self._tend(child)
            self._rest()
        return self._end()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.stop_at is None:
            self.stop_at = now
        elif now - self.stop_at > self.impatient_after_seconds:
            self.impatient = True

    def _rest(self, longest: float = 0.5) -> None:
        """Wait until something happens: a signal, a child's end, a beat, or half a second."""
        beats = [child.beats for child in self.children if child.beats >= 0]
        ready, _, _ = select.select([self._wake, *beats], [], [], longest)
        if self._wake in ready:
            try:
                os.read(self._wake, 4096)
            except BlockingIOError:
                pass

    def _tend(self, child: Child) -> None:
        child.sweep()
        if child.process is not None:
            child.hear()
            wrong = child.what_is_wrong()
            if wrong:
                logger.error("%s %s; it is started anew", child.program.name, wrong)
                child.let_go()
        if child.may_start():
            child.start(lifeline_end=self._lifeline, environment=self.environment)
            logger.info("%s started as process %d", child.program.name, child.process.pid if child.process else 0)

    def _end(self) -> int:
        """SIGTERM to each child, SIGKILL to each group that is still there when the time is up."""
        logger.info("Stopping; what has begun is given %.0f s", self.grace_seconds)
        for child in self.children:
            if child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + self.grace_seconds
        while time.monotonic() < deadline and not self.impatient and self._some_left():
            self._rest(0.1)
        for child in self.children:
            self._kill(child)
        return 0

    def _some_left(self) -> bool:
        for child in self.children:
            child.sweep()
            if child.process is not None:
                child.hear()
        return any(
            (child.process is not None and child.process.poll() is None) or child.leaving for child in self.children
        )

    def _kill(self, child: Child) -> None:
        if child.process is not None:
            if child.process.poll() is None:
                logger.error("%s did not end in time and is killed", child.program.name)
            child.let_go()
        for group in child.leaving:
            group.kill_at = 0.0
        child.sweep()
