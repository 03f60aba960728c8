"""A process that performs requests: registered, alive while its lease by the database's clock runs."""

import gc
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import connection

from execution.engine.journal import Journal, journal_path, this_boot, this_host
from execution.engine.watch import HoldWatch
from execution.errors import ForgetfulDatabase
from execution.models import Attempt, AttemptState, Worker
from execution.services.restoring import stop_if_restored
from workspaces.clock import database_now
from workspaces.durability import forgetfulness
from workspaces.ids import new_id
from workspaces.scope import all_workspaces

logger = logging.getLogger(__name__)
_MARGIN = 0.2  # of the lease: a call begins only while at least this much of it is left


class Lease:
    """Whether this worker may still begin calls.

    Measured on the boot-time clock of the host from before each renewal was asked for, so that a worker that was
    stopped, or whose database did not answer, knows by itself that others may have taken over.
    """

    def __init__(self, *, worker_id: UUID, seconds: float) -> None:
        self.worker_id, self.seconds = worker_id, seconds
        self._valid_until = 0.0
        self._lost = False

    def renew(self) -> bool:
        """Ask for another term. False, for good, once somebody recovered this worker's work."""
        asked = _boottime()
        now = database_now()
        kept = Worker.objects.filter(pk=self.worker_id, ended_at=None).update(
            beat_at=now, lease_until=now + timedelta(seconds=self.seconds)
        )
        if kept:
            self._valid_until = asked + self.seconds * (1 - _MARGIN)
        else:
            self._lost = True
        return bool(kept)

    def granted(self, *, asked: float) -> None:
        """The first term, written together with the worker's row."""
        self._valid_until = asked + self.seconds * (1 - _MARGIN)

    @property
    def holds(self) -> bool:
        return not self._lost and _boottime() < self._valid_until


def _boottime() -> float:
    # Goes on while the host sleeps, unlike the monotonic clock.
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class RunningWorker:
    """This process as a worker: its id, lease and journal, and the holds as its lanes see them."""

    def __init__(self, *, worker_id: UUID, lease: Lease, journal: Journal) -> None:
        self.id, self.lease, self.journal = worker_id, lease, journal
        self.watch = HoldWatch()


def _refuse_forgetful_commits() -> None:
    found = forgetfulness()
    if found:
        raise ForgetfulDatabase(
            f"PostgreSQL may forget commits in a power failure ({found}), and a forgotten mark would be sent again. "
            "Nothing was sent. Set both to on, for the server or for this database's role."
        )


@cache
def _leave_the_framework_alone() -> None:
    # The many thousand objects that modules are made of live as long as the process. Every full collection would walk
    # through them, which took a tenth of a mail's time.
    gc.freeze()


@contextmanager
def running_worker() -> Iterator[RunningWorker]:
    """Register this process as a worker for the length of a drain, renewing its lease from a thread of its own.

    Raises ForgetfulDatabase.
    """
    stop_if_restored()
    _refuse_forgetful_commits()
    _leave_the_framework_alone()
    worker_id, seconds = new_id(), settings.LEASE_SECONDS
    lease = Lease(worker_id=worker_id, seconds=seconds)
    asked, now = _boottime(), database_now()
    path = journal_path(worker_id)
    journal = Journal(path)
    Worker.objects.create(
        id=worker_id,
        host=this_host(),
        boot_id=this_boot(),
        pid=os.getpid(),
        journal=str(path),
        started_at=now,
        beat_at=now,
        lease_until=now + timedelta(seconds=seconds),
    )
    lease.granted(asked=asked)
    over = threading.Event()
    beats = threading.Thread(target=_beat, args=(lease, over), name="lease", daemon=True)
    beats.start()
    try:
        yield RunningWorker(worker_id=worker_id, lease=lease, journal=journal)
    finally:
        over.set()
        beats.join()
        # A worker that left something unsettled (its database went away) keeps row and journal for the recovery.
        if Worker.objects.filter(pk=worker_id).exists() and not _has_unsettled(worker_id):
            Worker.objects.filter(pk=worker_id, ended_at=None).update(ended_at=database_now())
            journal.remove()


def _has_unsettled(worker_id: UUID) -> bool:
    with all_workspaces("a worker serves every workspace"):
        return Attempt.objects.filter(worker=worker_id, state=AttemptState.MARKED).exists()


def _beat(lease: Lease, over: threading.Event) -> None:
    try:
        while not over.wait(lease.seconds / 4):
            try:
                if not lease.renew():
                    return
            except Exception:
                # The database does not answer: the lease runs out by itself, and nothing new begins. Keep asking.
                logger.warning("The lease of worker %s could not be renewed.", lease.worker_id, exc_info=True)
                connection.close()
    finally:
        connection.close()
