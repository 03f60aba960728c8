"""Whether this is the database that was adopted, or a copy, or an older state of it (P16)."""

from datetime import datetime
from typing import Any

from django.db import connection

from workspaces.audit.checkpoint import last_line
from workspaces.clock import database_now
from workspaces.identity import database_identity
from workspaces.models import AuditBlock, AuditEntry, Installation


def adopt_where_empty(**kwargs: Any) -> None:
    """Adopt this database if nothing has ever happened in it; called after every migrate."""
    existing = connection.introspection.table_names()
    if {Installation._meta.db_table, AuditEntry._meta.db_table} - set(existing):
        return  # a migration on its way back
    if not AuditEntry.objects.exists():
        Installation.objects.update_or_create(
            pk=1,
            defaults={
                "identity": database_identity(),
                "adopted_at": database_now(),
                "restored_at": None,
                "difference": "",
                "resumed_entry": None,
            },
        )


def difference() -> str:
    """What tells this database from the adopted one, in words; empty where nothing does.

    An empty database is adopted on the way. A restore in place, which keeps the identity, is told by the checkpoint
    outside: its last line is of a block that is not here.
    """
    row = Installation.objects.filter(pk=1).first()
    if row is None or row.identity != database_identity():
        if not AuditEntry.objects.exists():
            adopt_where_empty()
            return ""
        if row is None:
            return "It was never adopted, and it is not empty."
        when = f"{row.adopted_at:%Y-%m-%d %H:%M} UTC"
        return f"It is another database than the one adopted on {when}: a copy or a restore."
    line = last_line()
    if line is None or datetime.fromisoformat(line["sealed_at"]) <= row.adopted_at:
        return ""
    if AuditBlock.objects.filter(chain=line["chain"], number=line["number"], seal=line["seal"]).exists():
        return ""
    return (
        f"Its audit log ends before block {line['number']} of chain {line['chain']}, which the checkpoint outside "
        f"has as sealed at {line['sealed_at'][:16].replace('T', ' ')} UTC: an older state was restored."
    )


def is_restored() -> bool:
    """Whether this database waits for a person after a restore. One that was never adopted does."""
    return not Installation.objects.filter(pk=1, restored_at=None).exists()
