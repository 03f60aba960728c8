"""What is supervised: the commands behind each process, and what must hold before they are started."""

import fcntl
import os
import sys
from io import StringIO
from typing import NoReturn

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.supervisor.launch import become_supervisor
from config.supervisor.process import Program

_MANAGE = str(settings.BASE_DIR / "manage.py")


def _manage(*words: str) -> list[str]:
    return [sys.executable, _MANAGE, *words]


def cluster_programs(*, keep_open: list[int]) -> list[Program]:
    """The queue's processes, and the keeper that needs no queue (seals, sweeps, recovers)."""
    return [
        Program(name="queue", command=_manage("queue_group"), beat_seconds=15, keep_open=keep_open),
        Program(name="keeper", command=_manage("keeper"), beat_seconds=60, keep_open=keep_open),
    ]


def web_programs() -> list[Program]:
    """The web server, and the mail catcher where a demo has no SMTP account."""
    programs = [
        Program(
            name="web",
            command=[sys.executable, "-m", "gunicorn", "-c", "python:config.supervisor.web"],
            beat_seconds=60,
            alone=True,
        )
    ]
    if settings.MAIL_CATCHER_PORT:
        command = [sys.executable, "-m", "config.supervisor.mail_catcher", str(settings.MAIL_CATCHER_PORT)]
        programs.append(Program(name="mail catcher", command=command, beat_seconds=20, alone=True))
    return programs


def refuse_unready() -> None:
    """Raise CommandError if the database is not migrated or not fit to keep the promises; then apply the schedules."""
    plan = MigrationExecutor(connection)
    if plan.migration_plan(plan.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run manage.py migrate first.")
    call_command("check", databases=["default"], stdout=StringIO())
    if "sync_schedules" in get_commands():
        call_command("sync_schedules", verbosity=0, stdout=StringIO())
    connection.close()


def lock_sqlite() -> list[int]:
    """On SQLite keep a second cluster out; returns the descriptors to keep open, and so locked, in every process.

    SQLite ignores SKIP LOCKED: two clusters there would claim the same requests. Raises CommandError if one runs.
    """
    if connection.vendor != "sqlite":
        return []
    descriptor = os.open(f"{settings.DATABASES['default']['NAME']}.cluster-lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CommandError(
            "Another cluster works on this SQLite database, and SQLite can have only one. Stop the other (after a kill "
            "its last work takes up to 15 s), or use PostgreSQL: set DATABASE_URL."
        ) from error
    return [descriptor]


def supervise(programs: list[Program], *, workers: int, locks: list[int]) -> NoReturn:
    """Turn this process into the supervisor of these programs, with so many queue workers; it ends with them."""
    become_supervisor(
        programs=programs,
        grace_seconds=settings.SHUTDOWN_GRACE_SECONDS,
        environment={**os.environ, "CLUSTER_WORKERS": str(workers)},
        log_level=settings.LOG_LEVEL,
        log_format=settings.LOG_FORMAT,
        locks=locks,
        base_dir=settings.BASE_DIR,
    )
