"""A copy or an old state of the database sends nothing by itself: it is held until a named person resumes (P16)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections, transaction

from execution import release
from execution.alerts.duty import attend
from execution.alerts.telling import tell_due
from execution.engine.chunk import mark
from execution.engine.load import GroundCache
from execution.models import Alert, AlertDelivery, Attempt, AttemptState, ExecutionRequest, Hold, HoldScope, Worker
from execution.services.alerts import raise_alert
from execution.services.restoring import resume_after_restore
from execution.states import Status
from tests.support.database import cloned_database
from tests.support.engine import Engine
from workspaces.actors import system_actor
from workspaces.audit.sealer import seal_once
from workspaces.audit.verify import verify
from workspaces.clock import database_now
from workspaces.errors import Conflict, NotPermitted
from workspaces.ids import new_id
from workspaces.models import AuditEntry, Installation
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race


def mark_some(engine: Engine, *ids: UUID) -> None:
    """A worker elsewhere has just committed its mark for these."""
    now, worker_id = database_now(), new_id()
    Worker.objects.create(
        id=worker_id,
        host="elsewhere",
        boot_id="1",
        pid=1,
        journal=str(engine.folder / "elsewhere"),
        started_at=now,
        beat_at=now,
        lease_until=now,
    )
    workspace_id = engine.cast.workspace.id
    with workspace_scope(engine.cast.workspace), transaction.atomic():
        mark(
            workspace_id=workspace_id,
            worker_id=worker_id,
            cache=GroundCache(),
            manual=True,
            at_most=len(ids),
            actor=system_actor("executor"),
            only=ids,
        )


def reasons(engine: Engine) -> list[tuple[str, str]]:
    """State and reason to wait of each request."""
    with workspace_scope(engine.cast.workspace):
        return sorted(ExecutionRequest.objects.values_list("status", "wait_reason"))


@contextmanager
def restored_in_place(url: str) -> Iterator[None]:
    """The rows of every table as they were at the block's beginning come back at its end, in the same database."""
    with psycopg.connect(url) as session:
        tables = [
            row[0]
            for row in session.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        ]
        kept = {}
        for table in tables:
            with session.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as rows:
                kept[table] = b"".join(bytes(part) for part in rows)
    yield
    connections.close_all()
    with psycopg.connect(url) as session:
        session.execute("SET session_replication_role = replica")
        session.execute(f"TRUNCATE {', '.join(tables)}")
        for table, content in kept.items():
            with session.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as rows:
                rows.write(content)


def test_a_copy_sends_nothing_until_a_named_person_resumes(engine: Engine):
    cast = engine.cast
    ids = engine.approved_mails(6)
    mark_some(engine, *ids[:2])
    with cloned_database():
        engine.recover()
        assert engine.drain().claimed == 0
        assert engine.sink.counts.messages == 0
        assert reasons(engine) == [("approved", "reconcile")] * 4 + [("uncertain", "")] * 2
        assert Hold.objects.get(scope=HoldScope.GLOBAL).set_by.name == "restore"
        with workspace_scope(cast.workspace):
            assert {a.state for a in Attempt.objects.all()} == {AttemptState.UNCERTAIN}
            assert sorted(Alert.objects.values_list("kind", flat=True)) == ["restored", "uncertain", "uncertain"]
        with pytest.raises(Conflict, match="After a restore"):
            release(scope="global", reason="go on", actor=cast.omar)
        call_command("release", "--scope", "global", "--as", "human:omar", "--reason", "The old one is gone.")
        engine.drain()
        assert engine.sink.copies() == dict.fromkeys(ids[2:], 1)
        assert AuditEntry.objects.get(action="installation.resumed").actor_id == cast.omar.principal_id


@pytest.mark.parametrize("name", ["rosa", "crm"])
def test_only_an_operator_resumes(engine: Engine, name: str):
    engine.approved_mails(1)
    Installation.objects.update(identity="0" * 64)
    connections.close_all()
    engine.drain()
    with pytest.raises(NotPermitted):
        resume_after_restore(actor=getattr(engine.cast, name), reason="go on")
    assert engine.drain().claimed == 0


def test_last_nights_copy_under_the_same_name_sends_nothing(engine: Engine):
    ids = engine.approved_mails(4)
    name = connections["default"].settings_dict["NAME"]
    server = os.environ["TEST_DATABASE_URL"]
    backup = f"{name}_backup"
    connections.close_all()
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{backup}" TEMPLATE "{name}"')
    engine.drain(request_ids=ids[:2])
    assert engine.sink.counts.messages == 2
    connections.close_all()
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        session.execute(f'ALTER DATABASE "{backup}" RENAME TO "{name}"')
    assert engine.drain().claimed == 0
    assert engine.sink.counts.messages == 2
    assert reasons(engine) == [("approved", "reconcile")] * 4


def test_an_old_state_in_the_same_database_is_told_by_the_checkpoint(engine: Engine):
    ids = engine.approved_mails(4)
    seal_once()
    with restored_in_place(engine.url):
        engine.drain(request_ids=ids[:2])
        seal_once()
    assert engine.drain().claimed == 0
    assert engine.sink.counts.messages == 2
    assert reasons(engine) == [("approved", "reconcile")] * 4
    assert "its block was cut off" in str(verify().bad)


def test_a_restored_database_tells_of_itself_and_of_nothing_that_was_the_originals_to_tell(engine: Engine, settings):
    settings.ALERT_EMAIL = "ops@example.org"
    workspace_id = engine.cast.workspace.id
    raise_alert(workspace_id=workspace_id, kind="seal_mismatch", fingerprint="told", title="On its way")
    tell_due()
    raise_alert(workspace_id=workspace_id, kind="seal_mismatch", fingerprint="untold", title="Not told yet")
    seal_once()
    with restored_in_place(engine.url):
        engine.approved_mails(1)
        seal_once()
    attend()
    with workspace_scope(engine.cast.workspace):
        deliveries = dict(AlertDelivery.objects.values_list("alert__title", "state"))
    assert deliveries == {"On its way": "dropped", "This is a restored or copied database": "sent"}
    assert engine.sink.counts.messages == 1


def test_once_resumed_the_log_verifies_and_keeps_what_was_said_of_it(engine: Engine):
    ids = engine.approved_mails(4)
    seal_once()
    with restored_in_place(engine.url):
        engine.drain(request_ids=ids[:2])
        seal_once()
    engine.drain()
    seal_once()
    assert verify().bad is not None
    resume_after_restore(actor=engine.cast.omar, reason="I restored last night's backup.")
    assert verify().bad is None
    seal_once()
    assert verify().bad is None
    entry = AuditEntry.objects.get(action="installation.resumed")
    assert "ends before block" in entry.data["difference"]
    assert entry.data["report"]
    connections.close_all()
    engine.drain(request_ids=ids[2:])
    assert engine.with_status(Status.SUCCEEDED) == set(ids[2:])


_ARRANGE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.builders import make_cast
from tests.execution.arranged import approved_email
approved_email(make_cast())
"""
_DRAIN = """
from django.core.management import call_command
from execution.models import ExecutionRequest
from workspaces.scope import all_workspaces
call_command("drain")
with all_workspaces("tests"):
    print(*ExecutionRequest.objects.values_list("status", "wait_reason").get())
"""
_RESUME = """
from django.core.management import call_command
call_command("release", scope="global", actor="human:omar")
"""


@pytest.mark.slow
def test_a_copied_sqlite_file_sends_nothing_until_resumed(engine: Engine, tmp_path: Path):
    def run(name: str, script: str) -> str:
        environment = engine.environment(DATABASE_URL=f"sqlite:///{tmp_path / name}")
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().rpartition("\n")[2]

    run("original.sqlite3", _ARRANGE)
    shutil.copy(tmp_path / "original.sqlite3", tmp_path / "copy.sqlite3")
    assert run("copy.sqlite3", _DRAIN) == "approved reconcile"
    assert engine.sink.counts.messages == 0
    assert run("copy.sqlite3", _RESUME + _DRAIN).startswith("succeeded")
    assert engine.sink.counts.messages == 1
