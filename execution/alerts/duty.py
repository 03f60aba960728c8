"""The alerts' own loop, in a thread of the keeper: what a slow service costs must not keep anything else waiting."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, connection

from execution.alerts.delivering import deliver_due
from execution.alerts.resolving import resolve_over
from execution.alerts.telling import tell_due
from execution.alerts.watching import watch_audit, watch_silence

logger = logging.getLogger(__name__)

_DUTIES: list[tuple[float, Callable[[], int]]] = [
    (15.0, watch_silence),
    (600.0, watch_audit),
    (5.0, resolve_over),
    (1.0, tell_due),
    (1.0, deliver_due),
]


def attend() -> None:
    """Every duty once but the audit's: raise what nobody else can, end what is over, tell, deliver."""
    watch_silence()
    resolve_over()
    tell_due()
    deliver_due()


def run_forever(stop: threading.Event) -> None:
    """Each duty in its turn until `stop` is set; a database that is away is asked again."""
    due = [0.0] * len(_DUTIES)
    while not stop.wait(0.5):
        now = time.monotonic()
        for index, (every, duty) in enumerate(_DUTIES):
            if now < due[index]:
                continue
            due[index] = now + every
            try:
                duty()
            except DatabaseError:
                logger.warning("The database did not answer %s; trying again.", duty.__name__, exc_info=True)
                connection.close()
            except Exception:
                logger.exception("%s broke off; trying again.", duty.__name__)
                connection.close()
    connection.close()


def start() -> Callable[[], None]:
    """Run it in a thread; answers what stops it."""
    stop = threading.Event()
    thread = threading.Thread(target=run_forever, args=(stop,), name="alerts", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=5)

    return end
