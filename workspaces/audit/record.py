"""Writing audit entries, in the transaction of what they record."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, models

from workspaces.actors import Actor
from workspaces.audit.actions import is_registered
from workspaces.audit.hashing import entry_hash
from workspaces.bulk import insert_objects
from workspaces.canonical import canonical_json
from workspaces.ids import new_id
from workspaces.models import AuditEntry
from workspaces.prepared import preparing_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be recorded; `subjects` lists the rows where one entry covers a chunk."""

    action: str
    workspace_id: UUID | None
    subject_type: str = ""
    subject_id: UUID | None = None
    subjects: Sequence[UUID | str] = ()
    data: dict[str, Any] = field(default_factory=dict)


def record_many(*, actor: Actor, entries: Iterable[Entry], correlation: UUID | None = None) -> list[AuditEntry]:
    """Write entries in one statement, sharing one correlation id (one human act, or one chunk).

    Raises RuntimeError outside a transaction: an entry must stand or fall with what it records.
    Raises ValueError for an action nobody registered.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An audit entry is written in the transaction of what it records; open one.")
    correlation = correlation or new_id()
    transaction = _transaction_id()
    rows = []
    for entry in entries:
        if not is_registered(entry.action):
            raise ValueError(f"Register the audit action {entry.action!r} with its sentence first.")
        columns: dict[str, Any] = {
            "id": new_id(),
            "workspace_id": entry.workspace_id,
            "at": datetime.now(UTC),
            "action": entry.action,
            "actor_id": actor.principal_id,
            "via": actor.via,
            "subject_type": entry.subject_type,
            "subject_id": entry.subject_id,
            "subjects": [str(s) for s in entry.subjects],
            # As it will be read back, so that the hash fits: keys become text on the way.
            "data": json.loads(canonical_json(entry.data)),
            "correlation": correlation,
            "transaction": transaction,
        }
        rows.append(AuditEntry(**columns, hash=entry_hash(**columns)))
    insert_objects(rows)
    return rows


def record(
    *,
    action: str,
    actor: Actor,
    workspace_id: UUID | None,
    subject: models.Model | None = None,
    subjects: Sequence[UUID | str] = (),
    data: dict[str, Any] | None = None,
    correlation: UUID | None = None,
) -> AuditEntry:
    """Write one entry about `subject` (a model with a UUID key) or about the rows in `subjects`."""
    entry = Entry(
        action=action,
        workspace_id=workspace_id,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        subjects=subjects,
        data=data or {},
    )
    return record_many(actor=actor, entries=[entry], correlation=correlation)[0]


def _transaction_id() -> int:
    sql = (
        "SELECT pg_current_xact_id()::text::bigint"
        if connection.vendor == "postgresql"
        # One writer at a time, and we are it: the next number is ours until the commit.
        else 'SELECT COALESCE(MAX("transaction"), 0) + 1 FROM workspaces_auditentry'
    )
    with preparing_cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
