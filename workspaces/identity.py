"""Which database this is: tells a copy or a restored backup from the original (P16)."""

import hashlib
import platform
import uuid

from django.db import connection


def database_identity() -> str:
    """64 hex digits: over PostgreSQL's system identifier, timeline and database oid; on SQLite machine and path."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT system_identifier FROM pg_control_system()),"
                " (SELECT timeline_id FROM pg_control_checkpoint()),"
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            parts = [str(part) for part in cursor.fetchone()]
    else:
        parts = [platform.node(), str(uuid.getnode()), str(connection.settings_dict["NAME"])]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
