"""The database's clock: the only one that leases, due times and limits are measured by.

Several hosts with clocks apart must agree on who holds a lease; the one clock they share is the database's.
"""

from datetime import UTC, datetime

from django.db import connection
from django.db.models import DateTimeField, Func

from workspaces.prepared import preparing_cursor


class DatabaseNow(Func):
    """`clock_timestamp()` on PostgreSQL; the host's clock on SQLite, where there is one host by definition."""

    template = "clock_timestamp()"
    output_field = DateTimeField()

    def as_sqlite(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        # Each % twice escaped: once for the template, once for the parameters.
        now = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')"
        return super().as_sql(compiler, connection, template=now, **extra)


def database_now() -> datetime:
    """The time now by the database's clock, aware, UTC."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    with preparing_cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
