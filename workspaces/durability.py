"""Whether a commit outlives a power failure. A mark that is forgotten would be a second send."""

from django.db import connections

_DURABLE = {"on", "remote_write", "remote_apply"}


def forgetfulness(*, using: str = "default") -> str:
    """What lets PostgreSQL forget commits, in words; empty where nothing does, and on SQLite (config/settings.py).

    Asked in this very connection, since a role, a database or a pooler may set what the server's file does not.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('synchronous_commit'), current_setting('fsync')")
        synchronous_commit, fsync = cursor.fetchone()
    if synchronous_commit in _DURABLE and fsync == "on":
        return ""
    return f"synchronous_commit is {synchronous_commit}, fsync is {fsync}"
