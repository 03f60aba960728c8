"""Which database this is: tells a copy or a restored backup from the original (P16)."""

import hashlib
import platform
import uuid
from pathlib import Path

from django.db import connection


def database_identity() -> str:
    """64 hex digits: over PostgreSQL's system identifier, timeline and database oid; on SQLite machine and path.

    Any role may read these. The timeline is the one that is written to: the control file names it only after the
    first checkpoint that follows a failover or a point-in-time recovery.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT system_identifier FROM pg_control_system()),"
                " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,"
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            parts = [str(part) for part in cursor.fetchone()]
    else:
        parts = [_machine(), str(connection.settings_dict["NAME"])]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _machine() -> str:
    """What tells this machine from others, the same in each of its processes."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if path.exists() and (found := path.read_text().strip()):
            return found
    node = uuid.getnode()
    # Python makes a number up, with the multicast bit set, where it finds no network card (RFC 9562, 6.10).
    return platform.node() if node >> 40 & 1 else str(node)
