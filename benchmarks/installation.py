"""A throw-away installation for benchmarks: a database, a folder, a mail sink, and a workspace with every guard on.

PostgreSQL is the one TEST_DATABASE_URL names, else one of our own with durable commits (tests.support.postgres). Import
nothing of Django's models before `installation()` has set it up; it works once a process.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg

ROOT = Path(__file__).resolve().parents[1]
OUR_CORE, OTHER_CORE = 0, 1
# Some 1.5 KB of plain text, as a letter to a committee has.
TEXT = "Dear reader,\n\n" + (
    "The committee will hear the bill on Tuesday and we would like to ask you to speak.\n" * 18
)
_ENOUGH = 10_000_000  # every limit is asked and none is reached


class Taken(NamedTuple):
    """Seconds by the clock, and seconds of CPU of this process, which a busy machine changes less."""

    seconds: float
    cpu: float

    @classmethod
    def so_far(cls) -> "Taken":
        return cls(time.monotonic(), time.process_time())

    def since(self, before: "Taken") -> "Taken":
        return Taken(self.seconds - before.seconds, self.cpu - before.cpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where things are; `cast` is tests.builders.Cast."""

    url: str
    admin_url: str
    folder: Path
    port: int
    cast: Any

    def approved(self, number: int, *, text: str = TEXT) -> tuple["Taken", "Taken", list[UUID]]:
        """Mails to as many people, proposed as one plan and approved: what each took, and the ids."""
        from execution import propose_plan
        from execution.models import ExecutionRequest, Verdict
        from execution.services.decisions import decide_plan, plan_digest
        from execution.types import Proposal
        from workspaces.ids import new_id

        workspace, batch = self.cast.workspace, new_id().hex
        items = [
            Proposal(
                channel="email",
                to=f"reader{place}.{batch}@example.org",
                payload={"subject": f"The hearing, number {place}", "text": text},
            )
            for place in range(number)
        ]
        begun = Taken.so_far()
        plan = propose_plan(workspace=workspace, actor=self.cast.ada, title="A benchmark", items=items)
        proposed = Taken.so_far()
        with self.cast.scope():
            digest = plan_digest(plan=plan)
        asked = Taken.so_far()
        decided = decide_plan(
            workspace=workspace, actor=self.cast.rosa, plan_id=plan.pk, verdict=Verdict.APPROVE, digest=digest
        )
        ended = Taken.so_far()
        if decided.decided != number:
            raise RuntimeError(f"{decided.decided} of {number} were approved: {decided.skipped}")
        with self.cast.scope():
            ids = list(ExecutionRequest.objects.filter(plan=plan).order_by("id").values_list("id", flat=True))
        return proposed.since(begun), ended.since(asked), ids

    def tidy(self) -> None:
        """What autovacuum does in its own time, done between rounds so that none pays for the one before."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


@contextmanager
def installation(**environment: str) -> Iterator[Installation]:
    """One installation, gone at the end. `environment`: what settings read, beside the defaults here."""
    with _server() as admin_url, tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        name, port = f"benchmark_{os.getpid()}", free_port()
        url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))
        os.environ.update(
            DJANGO_SETTINGS_MODULE="config.settings",
            READ_DOT_ENV="false",
            SECRET_KEY="of-a-benchmark-" + "x" * 40,
            CREDENTIALS_KEY="Y291bnRlcnNpZ24tdGVzdHMta2V5LTMyLWJ5dGVzISE=",
            AGENT_DRY_RUN="false",
            ENABLE_AUTO_EXECUTION="true",
            DEBUG="false",
            DEMO="false",
            LOG_LEVEL="WARNING",
            PUBLIC_URL="http://127.0.0.1:9",
            VAR_DIR=folder,
            DATABASE_URL=url,
            EMAIL_URL=f"smtp://127.0.0.1:{port}",
            REDIS_URL="",
        )
        os.environ.update(environment)
        on_server(admin_url, f'CREATE DATABASE "{name}"')
        try:
            yield Installation(url=url, admin_url=admin_url, folder=Path(folder), port=port, cast=_set_up())
        finally:
            from django.db import connections

            connections.close_all()
            on_server(admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _set_up() -> Any:
    import django

    django.setup()
    from django.core.management import call_command

    from execution.models import Limit
    from execution.services.limits import set_limit
    from tests.builders import make_cast
    from workspaces.scope import workspace_scope
    from workspaces.settings_store import set_setting

    call_command("migrate", verbosity=0)
    cast = make_cast()
    with workspace_scope(cast.workspace):
        limits = list(Limit.objects.filter(workspace=cast.workspace))
    for limit in limits:
        set_limit(
            workspace=cast.workspace,
            actor=cast.omar,
            name=limit.name,
            scope=limit.scope,
            count=_ENOUGH,
            period_seconds=limit.period_seconds,
        )
    set_setting(key="canary_above", value=0, workspace=cast.workspace, actor=cast.omar)
    return cast


@contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    from tests.support.postgres import Server

    server = Server()
    server.start()
    try:
        yield server.url()
    finally:
        server.remove()


def on_server(url: str, statement: str) -> None:
    """One statement outside any transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def sink(*, port: int, core: int, delay: float = 0.0, log: Path | None = None) -> Iterator[int]:
    """A mail server that takes everything, pinned to a core. Yields its process id, so that it can be pinned anew.

    Postfix's smtp-sink where it is installed, which is C and one process; benchmarks/sink.py for what it cannot do: a
    delay (seconds) before each message is accepted, or a line in `log` when each MAIL command came.
    """
    found = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if found and not delay and log is None:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [found, *user, f"127.0.0.1:{port}", "1000"]
    else:
        command = [sys.executable, "-m", "benchmarks.sink", "--port", str(port), "--delay", str(delay)]
        command += ["--log", str(log)] if log else []
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        os.sched_setaffinity(process.pid, {core})
        _wait_for(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
