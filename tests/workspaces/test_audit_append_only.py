"""The audit log takes entries and gives none back, on both engines."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.checks import Error
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import Error as DatabaseError
from django.db import connection, transaction

from workspaces.audit.triggers import PROTECTED, missing_triggers, restore_triggers
from workspaces.checks import audit_is_append_only
from workspaces.models import AuditBlock, AuditEntry

TABLES = pytest.mark.parametrize("table", PROTECTED)


@pytest.fixture
def blocks(cast):
    """A block, so that there is something to change (the cast has left entries)."""
    AuditBlock.objects.create(
        chain="test",
        number=1,
        first_position=1,
        entry_ids=[],
        entry_hashes=[],
        root="",
        previous="",
        seal="",
        sealed_at="2026-01-01T00:00:00Z",
        horizon=1,
        database="",
    )


@pytest.mark.parametrize("model", [AuditEntry, AuditBlock])
@pytest.mark.parametrize("act", ["save", "update", "delete", "delete_all", "bulk_update"])
def test_the_orm_changes_nothing(blocks, model, act):
    row = model.objects.first()
    field = "action" if model is AuditEntry else "seal"
    acts = {
        "save": row.save,
        "update": lambda: model.objects.update(**{field: "x"}),
        "delete": row.delete,
        "delete_all": lambda: model.objects.all().delete(),
        "bulk_update": lambda: model.objects.bulk_update([row], [field]),
    }
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        acts[act]()


@TABLES
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET id = id",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "TRUNCATE {table} CASCADE",
        "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id",
    ],
)
def test_sql_changes_nothing(blocks, table, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table))


@TABLES
@pytest.mark.parametrize("event", ["update", "delete", "truncate"])
@pytest.mark.parametrize("how", ["DROP TRIGGER {name} ON {table}", "ALTER TABLE {table} DISABLE TRIGGER {name}"])
def test_a_missing_trigger_is_noticed_and_comes_back_with_migrate(live_db, table, event, how):
    name = f"{table}_no_{event}"
    with connection.cursor() as cursor:
        cursor.execute(how.format(name=name, table=table))
    assert missing_triggers(connection) == [name]
    with pytest.raises(SystemCheckError, match=name):
        call_command("check", databases=["default"])
    call_command("migrate", verbosity=0, skip_checks=False)
    call_command("check", databases=["default"])


@pytest.mark.django_db
def test_the_check_says_what_to_run():
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {PROTECTED[0]}_no_update ON {PROTECTED[0]}")
    (problem,) = audit_is_append_only(None, databases=["default"])
    assert isinstance(problem, Error)
    assert problem.id == "workspaces.E001"
    assert "manage.py migrate" in (problem.hint or "")
    restore_triggers()
    assert audit_is_append_only(None, databases=["default"]) == []


@pytest.mark.django_db
def test_nothing_is_locked_where_nothing_is_missing(django_assert_num_queries):
    with django_assert_num_queries(2):  # which tables, which triggers
        restore_triggers()


# SQLite, as in `make run`: another process migrates a file, and the tests change it by plain SQL.


def manage(database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py on a SQLite file."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}", "VAR_DIR": str(database.parent)}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("sqlite") / "db.sqlite3"
    done = manage(path, "migrate", "-v", "0")
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "INSERT INTO workspaces_auditentry (id, at, action, actor_id, via, subject_type, subjects, data,"
            " correlation, 'transaction', hash) VALUES ('0a', '2026-01-01', 'a.b', '0b', 'api', '', '[]', '{}',"
            " '0c', 1, '')"
        )
        database.execute(
            "INSERT INTO workspaces_auditblock VALUES ('0a', 'test', 1, 1, '[]', '[]', '', '', '', '2026-01-01', 1, '')"
        )
        database.commit()
    return path


@pytest.fixture
def sqlite(migrated) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(migrated)) as database:
        yield database
        database.rollback()


@TABLES
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET id = id",
        "DELETE FROM {table}",
        "DELETE FROM {table} WHERE id = '0a'",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "UPDATE OR REPLACE {table} SET id = 'x'",
        "INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT (id) DO UPDATE SET id = 'x'",
    ],
)
def test_sql_changes_nothing_on_sqlite(sqlite, table, statement):
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        sqlite.execute(statement.format(table=table))


def test_sqlite_takes_further_entries(sqlite):
    sqlite.execute(
        "INSERT INTO workspaces_auditblock VALUES ('0b', 'test', 2, 1, '[]', '[]', '', '', '', '2026', 1, '')"
    )


def test_triggers_that_sqlite_lost_are_noticed_and_come_back(migrated):
    names = [f"{table}_no_{event}" for table in PROTECTED for event in ("update", "delete", "replace")]
    with closing(sqlite3.connect(migrated)) as database:
        for name in names:
            database.execute(f"DROP TRIGGER {name}")
        database.commit()
    checked = manage(migrated, "check", "--database", "default")
    assert checked.returncode != 0
    assert [name for name in names if name not in checked.stderr] == []
    assert manage(migrated, "migrate", "-v", "0").returncode == 0
    assert manage(migrated, "check", "--database", "default").returncode == 0


USE = """
from django.db import transaction
from workspaces import audit
from workspaces.actors import system_actor
from workspaces.audit.sealer import seal_once
audit.register({"test.entry": "{actor} wrote number {n}"})
for n in range(3):
    with transaction.atomic():
        audit.record(action="test.entry", actor=system_actor("tests"), workspace_id=None, data={"n": n})
assert seal_once() == 3
assert seal_once() == 0
"""


def test_sqlite_seals_and_finds_out_who_altered_an_entry(tmp_path):
    path = tmp_path / "db.sqlite3"
    assert manage(path, "migrate", "-v", "0").returncode == 0
    used = manage(path, "shell", "-c", USE)
    assert used.returncode == 0, used.stderr
    sound = manage(path, "verify_audit")
    assert sound.stdout == "The audit log stands: 3 entries in 1 blocks.\n", sound.stderr
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER workspaces_auditentry_no_update")
        database.execute("""UPDATE workspaces_auditentry SET data = '{"n": 9}' WHERE data = '{"n": 1}'""")
        database.commit()
    altered = manage(path, "verify_audit")
    assert altered.returncode == 1
    assert "(position 2 of chain installation): it was altered" in altered.stderr
