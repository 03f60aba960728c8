"""What the queue calls. Each is a bell: it may ring twice, late or never, and nothing is lost or done twice."""

from execution.engine.drain import drain
from execution.engine.recover import recover_dead_workers
from execution.engine.sweep import sweep


def drain_due() -> None:
    """Perform what is due. What is left after its time is rung for again by the next sweep."""
    drain(manual=False)


def sweep_now() -> None:
    """The scheduled sweep; the keeper does the same without a queue."""
    recover_dead_workers()
    sweep()
