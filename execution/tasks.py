"""What the queue calls. Each is a bell: it may ring twice, late or never, and nothing is lost or done twice."""

import time

from execution import queue
from execution.engine import stopping
from execution.engine.drain import drain
from execution.engine.recover import recover_dead_workers
from execution.engine.sweep import sweep
from execution.services.retention import retain
from workspaces.installation import is_restored

_RETAINS_FOR = 300.0  # seconds; the queue ends a task after 600


def drain_due() -> None:
    """Perform what is due. What is left after its time is rung for again by the next sweep."""
    drain(manual=False)


def sweep_now() -> None:
    """The scheduled sweep; the keeper does the same without a queue."""
    recover_dead_workers()
    sweep()


def retain_now() -> None:
    """The daily clearing of what is kept no longer; what its time did not suffice for is another task."""
    if is_restored():
        return  # people look at what was sent; the next day's looks again
    until = time.monotonic() + _RETAINS_FOR
    cleared = retain(may_go_on=lambda: not stopping.requested.is_set() and time.monotonic() < until)
    if not all(one.is_complete for one in cleared.values()):
        queue.enqueue(queue.RETAIN)
