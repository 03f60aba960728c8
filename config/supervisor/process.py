"""One supervised child: started, listened to, restarted after a pause that grows while it keeps dying."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.supervisor import lifeline

STEADY_SECONDS = 10  # a child that lived this long starts again at once
LONGEST_PAUSE_SECONDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a child is. `beat_seconds`: the longest silence before it counts as hung; None: its exit alone tells.

    `alone`: a new one starts only when the whole group of the one before is gone, since it holds a port.
    """

    name: str
    command: Sequence[str]
    beat_seconds: float | None = None
    start_seconds: float = 60
    alone: bool = False
    keep_open: Sequence[int] = ()


@dataclass(slots=True)
class Group:
    """A process group whose leader has ended or is ending, and when the rest of it is killed."""

    leader: int
    kill_at: float

    def signal(self, number: int) -> bool:
        """Send a signal (0: none) to all that is left of the group; False if nothing is."""
        try:
            os.killpg(self.leader, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def is_gone(self) -> bool:
        """Reap what has ended; True if nothing is left."""
        try:
            while os.waitpid(-self.leader, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass  # none of them is a child of ours: the leader was reaped, and orphans went to init
        return not self.signal(0)


@dataclass(slots=True)
class Child:
    """A program and the process that runs it now, if any."""

    program: Program
    grace_seconds: float
    process: subprocess.Popen[bytes] | None = None
    beats: int = -1
    started: float = 0.0
    last_beat: float = 0.0
    starts: int = 0
    quick_deaths: int = 0
    start_at: float = 0.0
    leaving: list[Group] = field(default_factory=list)

    def start(self, *, lifeline_end: int, environment: Mapping[str, str]) -> None:
        """Start the program in a session, and so a process group, of its own."""
        self.beats, writing = os.pipe()
        os.set_blocking(self.beats, False)
        os.set_blocking(writing, False)
        try:
            self.process = subprocess.Popen(
                list(self.program.command),
                env={**environment, **lifeline.handed_over(lifeline=lifeline_end, beat=writing)},
                pass_fds=(lifeline_end, writing, *self.program.keep_open),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        self.starts += 1
        self.started = self.last_beat = time.monotonic()

    def hear(self) -> None:
        """Read the beats that have come."""
        if self.beats < 0:
            return
        try:
            if os.read(self.beats, 4096):
                self.last_beat = time.monotonic()
            else:
                self._stop_listening()
        except BlockingIOError:
            pass

    def _stop_listening(self) -> None:
        if self.beats >= 0:
            os.close(self.beats)
            self.beats = -1

    def what_is_wrong(self) -> str | None:
        """Why this child must be started anew; None while it is well."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is not None:
            return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        if self.program.beat_seconds is None:
            return None
        now = time.monotonic()
        patience = self.program.beat_seconds if self.last_beat > self.started else self.program.start_seconds
        return f"has not been heard of for {patience:.0f} s" if now - self.last_beat > patience else None

    def let_go(self) -> None:
        """Give up the process: what is left of its group may finish what it has begun, then is killed."""
        if self.process is None:
            return
        now = time.monotonic()
        hung = self.process.poll() is None
        group = Group(leader=self.process.pid, kill_at=now + (0 if hung and self.program.alone else self.grace_seconds))
        if group.signal(signal.SIGTERM):
            self.leaving.append(group)
        self.quick_deaths = self.quick_deaths + 1 if now - self.started < STEADY_SECONDS else 0
        pause = min(0.25 * 2**self.quick_deaths, LONGEST_PAUSE_SECONDS) if self.quick_deaths > 1 else 0
        self.start_at = now + pause
        self._stop_listening()
        self.process = None

    def may_start(self) -> bool:
        """Whether it is time to start this child again."""
        return self.process is None and time.monotonic() >= self.start_at and not (self.program.alone and self.leaving)

    def sweep(self) -> None:
        """Forget the groups that are gone, and kill those whose time is up."""
        now = time.monotonic()
        left = []
        for group in self.leaving:
            if group.is_gone():
                continue
            if now >= group.kill_at:
                group.signal(signal.SIGKILL)
            # What even SIGKILL leaves are zombies that only their parent can reap.
            if now < group.kill_at + 5:
                left.append(group)
        self.leaving = left
