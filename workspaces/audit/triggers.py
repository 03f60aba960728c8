"""The triggers that keep the audit log append-only, on both engines.

Django has no model for a trigger, and SQLite drops a table's triggers whenever a migration rebuilds the table, so
they are (re-)created after every migrate and a system check asserts that they are there.
A database superuser can still get past them: that is what the seals and the checkpoint outside are for.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

PROTECTED = ("workspaces_auditentry", "workspaces_auditblock")
_REFUSAL = "The audit log is append-only."
# SQLite has no TRUNCATE, but an INSERT OR REPLACE that deletes without firing a delete trigger.
_EVENTS = {"postgresql": ("update", "delete", "truncate"), "sqlite": ("update", "delete", "replace")}


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Which of the protecting triggers this database lacks, by name; of the tables that it has already."""
    sql = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found = {row[0] for row in cursor.fetchall()}
    return sorted(
        name
        for table in _tables(connection)
        for event in _EVENTS[connection.vendor]
        if (name := f"{table}_no_{event}") not in found
    )


def restore_triggers(*, using: str = "default", **kwargs: Any) -> None:
    """Create whatever is missing; called before and after every migrate."""
    connection = connections[using]
    missing = missing_triggers(connection)
    if not missing:
        return  # and take no lock on a table that others are writing to
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for name in missing:
            table, _, event = name.rpartition("_no_")
            for statement in _statements(connection.vendor, name=name, table=table, event=event):
                cursor.execute(statement)


def _tables(connection: BaseDatabaseWrapper) -> list[str]:
    existing = set(connection.introspection.table_names())
    return [table for table in PROTECTED if table in existing]


_FUNCTION = (
    "CREATE OR REPLACE FUNCTION countersign_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
    f"BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'insufficient_privilege'; END $$"
)


def _statements(vendor: str, *, name: str, table: str, event: str) -> list[str]:
    if vendor == "postgresql":
        rows = "STATEMENT" if event == "truncate" else "ROW"
        create = f"CREATE OR REPLACE TRIGGER {name} BEFORE {event.upper()} ON {table} FOR EACH {rows}"
        # A trigger that somebody switched off is there, and does nothing.
        enable = f"ALTER TABLE {table} ENABLE TRIGGER {name}"
        return [f"{create} EXECUTE FUNCTION countersign_append_only()", enable]
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    if event == "replace":
        taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"  # noqa: S608 (our own names)
        return [f"CREATE TRIGGER {name} BEFORE INSERT ON {table} {taken} {refuse}"]
    return [f"CREATE TRIGGER {name} BEFORE {event.upper()} ON {table} {refuse}"]
