"""The keeper: one process a cluster that needs no queue. Seals the audit log, recovers, sweeps."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from django.db import DatabaseError, connection

from execution.alerts import duty as alerts
from execution.engine.heartbeat import BEAT_EVERY, beating
from execution.engine.recover import recover_dead_workers
from execution.engine.sweep import sweep
from execution.services.restoring import stop_if_restored
from workspaces.audit.checkpoint import complete_checkpoint
from workspaces.audit.sealer import Sealer

logger = logging.getLogger(__name__)

SEAL_EVERY = 1.0  # seconds; entries are to be sealed within 2
RECOVER_EVERY = 1.0
SWEEP_EVERY = 10.0
LOOK_EVERY = 0.5  # at least so often the loop goes round, which is what its beat says


def run_forever(stop: threading.Event) -> None:
    """Do each duty in its turn until `stop` is set. A database that is away is asked again, for as long as it takes."""
    end_alerts = alerts.start()
    # A recovery may wait for a provider's answer; the seals are due within 2 s whatever it does. What it has begun when
    # the process ends is under a lease of its own, like every worker's.
    slow = [(RECOVER_EVERY, recover_dead_workers), (SWEEP_EVERY, sweep)]
    threading.Thread(target=_go_round, args=(slow, stop), name="recovery", daemon=True).start()
    try:
        _go_round([(BEAT_EVERY, beating(role="keeper")), (SEAL_EVERY, _sealing())], stop)
    finally:
        end_alerts()


def _sealing() -> Callable[[], int]:
    """Sealing, which first adds to the checkpoint what a crash left out of it."""
    is_complete, sealer = False, Sealer()

    def seal() -> int:
        nonlocal is_complete
        if not is_complete:
            complete_checkpoint()
            is_complete = True
        return sealer.seal()

    return seal


def _go_round(duties: Sequence[tuple[float, Callable[[], int]]], stop: threading.Event) -> None:
    due = [0.0] * len(duties)
    # To the next duty in one go: every look at the clock in between would cost an idle installation.
    while not stop.wait(min(LOOK_EVERY, max(0.0, min(due) - time.monotonic()))):
        now = time.monotonic()
        for index, (every, duty) in enumerate(duties):
            if now < due[index]:
                continue
            due[index] = now + every
            try:
                stop_if_restored()  # before anything is sealed: the checkpoint's last line is what tells
                duty()
            except DatabaseError:
                logger.warning("The database did not answer %s; trying again.", duty.__name__, exc_info=True)
                connection.close()
            except Exception:
                logger.exception("%s broke off; trying again.", duty.__name__)
                connection.close()
    connection.close()
