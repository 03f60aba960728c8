"""The alerts' own loop, in a thread of the keeper: what a slow service costs must not keep anything else waiting."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, connection

from execution.alerts.delivering import deliver_due
from execution.alerts.resolving import resolve_over
from execution.alerts.telling import tell_due
from execution.alerts.unanswered import watch_unanswered
from execution.alerts.watching import watch_audit, watch_limits, watch_silence
from execution.engine import heartbeat
from execution.services.restoring import stop_if_restored

STAND_IN_EVERY = 10.0  # seconds

logger = logging.getLogger(__name__)

_DUTIES: list[tuple[float, Callable[[], int]]] = [
    (15.0, watch_silence),
    (15.0, watch_limits),
    (30.0, watch_unanswered),
    (600.0, watch_audit),
    (5.0, resolve_over),
    (1.0, tell_due),
    (1.0, deliver_due),
]


def attend() -> None:
    """One turn of what cannot wait for a keeper: say that nobody works, end what is over, tell, deliver."""
    stop_if_restored()
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
                stop_if_restored()  # a copy must not tell what the original tells
                duty()
            except DatabaseError:
                logger.warning("The database did not answer %s; trying again.", duty.__name__, exc_info=True)
                connection.close()
            except Exception:
                logger.exception("%s broke off; trying again.", duty.__name__)
                connection.close()
    connection.close()


def attend_if_nobody_does() -> bool:
    """One turn of everything where no keeper beats; whether there was need to. What the web does."""
    if heartbeat.alive(role="keeper").exists():
        return False
    attend()
    return True


def stand_in(stop: threading.Event) -> None:
    """The web's part, until `stop` is set: it hears the silence of a cluster that is gone, and tells."""
    while not stop.wait(STAND_IN_EVERY):
        try:
            attend_if_nobody_does()
        except DatabaseError:
            logger.warning("The database did not answer the alerts; trying again.", exc_info=True)
        except Exception:
            logger.exception("The alerts broke off; trying again.")
        # Not kept for the rest of the time: a web process needs its connections for people.
        connection.close()


def start(target: Callable[[threading.Event], None] = run_forever) -> Callable[[], None]:
    """Run it in a thread; answers what stops it."""
    stop = threading.Event()
    thread = threading.Thread(target=target, args=(stop,), name="alerts", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=5)

    return end
