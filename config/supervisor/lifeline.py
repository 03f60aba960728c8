"""The child's side of supervision: it tells that it is well, and ends when its supervisor is gone.

The supervisor hands every child the reading end of a pipe whose writing end it keeps, so the kernel tells everyone at
once when it is gone, killed or not, on Linux and macOS alike. Forked children inherit the pipe and watch it too.
"""

import os
import signal
import threading
import time
from collections.abc import Mapping

LIFELINE = "COUNTERSIGN_LIFELINE"
BEAT = "COUNTERSIGN_BEAT"
ORPHAN_GRACE_SECONDS = 10

_next_beat = 0.0


def _descriptor(name: str) -> int | None:
    value = os.environ.get(name)
    return int(value) if value else None


def handed_over(*, lifeline: int, beat: int) -> Mapping[str, str]:
    """The names in a child's environment by which it finds the two pipes."""
    return {LIFELINE: str(lifeline), BEAT: str(beat)}


def watch(*, also: int | None = None) -> None:
    """End this process when the supervisor is gone: SIGTERM to itself (and to the process `also`), later SIGKILL.

    To be called once in each process, after each fork. Does nothing in a process that nobody supervises.
    """
    descriptor = _descriptor(LIFELINE)
    if descriptor is not None:
        threading.Thread(target=_wait, args=(descriptor, also), name="lifeline", daemon=True).start()


def _wait(descriptor: int, also: int | None) -> None:
    os.read(descriptor, 1)
    for pid in [also, os.getpid()]:
        if pid is not None:
            _signal(pid, signal.SIGTERM)
    time.sleep(ORPHAN_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it was faster


def beat() -> None:
    """Tell the supervisor that this process is well; what is told more than twice a second is not passed on."""
    global _next_beat
    descriptor = _descriptor(BEAT)
    if descriptor is None or time.monotonic() < _next_beat:
        return
    _next_beat = time.monotonic() + 0.5
    try:
        os.write(descriptor, b".")
    except (BlockingIOError, BrokenPipeError):
        pass  # the supervisor reads later, or is gone, which `watch` sees to


class BeatingEvent(threading.Event):
    """A stop event that beats whenever it is asked: a loop that looks at it is a loop that goes round."""

    def is_set(self) -> bool:
        beat()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        beat()
        return super().wait(timeout)
