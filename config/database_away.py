"""What the log says of a database that is away."""

import logging

from django.db import InterfaceError, OperationalError


class DatabaseAway(logging.Filter):
    """Says in one line that the database does not answer, where every call of the web would leave a long trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError | InterfaceError) and _is_connection(error.__cause__):
            record.msg, record.args = f"The database does not answer: {record.getMessage()}", ()
            record.exc_info = record.exc_text = None
        return True


def _is_connection(cause: BaseException | None) -> bool:
    """Whether PostgreSQL could not be reached: no SQLSTATE, class 08, or 57P (it is ending or not yet up)."""
    if not type(cause).__module__.startswith("psycopg"):
        return False
    state = getattr(cause, "sqlstate", None) or "08"
    return state.startswith(("08", "57P"))
