"""The heartbeat of a cluster's standing processes: how another host knows that somebody will carry work out."""

import os
from collections.abc import Callable
from datetime import timedelta

from django.db.models import QuerySet

from execution.engine.journal import this_host
from execution.models import Heartbeat
from workspaces.clock import database_now
from workspaces.ids import new_id

BEAT_EVERY = 5.0  # seconds
ALIVE_FOR = timedelta(seconds=30)
_KEPT_FOR = timedelta(days=1)


def beating(*, role: str) -> Callable[[], int]:
    """A function that says, each time it is called, that this process is alive. Its first call makes the row."""
    row_id = new_id()

    def beat() -> int:
        now = database_now()
        if not Heartbeat.objects.filter(pk=row_id).update(beat_at=now):
            Heartbeat.objects.filter(beat_at__lt=now - _KEPT_FOR).delete()
            Heartbeat.objects.create(
                id=row_id, role=role, host=this_host(), pid=os.getpid(), started_at=now, beat_at=now
            )
        return 1

    return beat


def alive(*, role: str | None = None) -> QuerySet[Heartbeat]:
    """The processes that beat within the last 30 seconds, newest first."""
    rows = Heartbeat.objects.filter(beat_at__gt=database_now() - ALIVE_FOR).order_by("-started_at")
    return rows.filter(role=role) if role else rows
