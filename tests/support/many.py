"""Years of rows in seconds: requests written by SQL, as many as a test of a big table needs."""

from datetime import timedelta
from typing import Any

from django.db import connection, models

from execution.models import ExecutionRequest, RequestGate, Revision
from execution.states import Status

_COPY = """
INSERT INTO execution_executionrequest ({columns})
SELECT {values} FROM execution_executionrequest AS one, generate_series(1, %s) AS number WHERE one.id = %s
"""
# Ids grow with time: the row's number stands where the time does in a UUIDv7.
_ID = "(lpad(to_hex(1700000000000 + number), 12, '0') || substr(replace(one.id::text, '-', ''), 13))::uuid"


def multiply(request: ExecutionRequest, *, number: int, status: Status, settled_ago: timedelta | None = None) -> None:
    """So many copies of a request, without its revisions; `settled_ago`: settled then or up to a day earlier."""
    when = "NULL"
    if settled_ago is not None:
        when = f"now() - interval '{settled_ago.total_seconds()} s' - number * interval '86400 s' / {number}"
    given: dict[str, Any] = {
        "id": _ID if settled_ago is None else _ID.replace("1700000000000", "1600000000000"),
        "status": f"'{status}'",
        "settled_at": when,
        "due_at": "now() - number * interval '1 s'" if status == Status.APPROVED else "NULL",
        "current_id": "NULL",
        "idempotency_key": "NULL",
        "plan_id": "NULL",
        "wait_reason": "''",
        "chunk": "NULL",
    }
    names = [str(field.column) for field in ExecutionRequest._meta.concrete_fields]
    values = [given.get(name, f'one."{name}"') for name in names]
    sql = _COPY.format(columns=", ".join(f'"{name}"' for name in names), values=", ".join(values))
    with connection.cursor() as cursor:
        cursor.execute(sql, [number, request.pk])


def give_revisions(request: ExecutionRequest) -> None:
    """To each copy of the request that has none, the request's revision; and its gates to those that wait."""
    without = "execution_executionrequest AS copy WHERE one.request_id = %s AND copy.current_id IS NULL"
    waiting = "execution_executionrequest AS copy WHERE one.request_id = %s AND copy.status = 'pending'"
    insert = "INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS one, {rest}"
    point = (
        "UPDATE execution_executionrequest AS copy SET current_id = one.id FROM execution_revision AS one "
        "WHERE one.request_id = copy.id AND copy.current_id IS NULL AND copy.id <> %s"
    )
    gates = f"{waiting} AND copy.id <> one.request_id"
    sql = [insert.format(**_columns(Revision), rest=without), point, insert.format(**_columns(RequestGate), rest=gates)]
    with connection.cursor() as cursor:
        for statement in sql:
            cursor.execute(statement, [request.pk])


def _columns(model: type[models.Model]) -> dict[str, str]:
    names = [str(field.column) for field in model._meta.concrete_fields]
    given = {"id": "gen_random_uuid()", "request_id": "copy.id"}
    return {
        "table": model._meta.db_table,
        "names": ", ".join(f'"{name}"' for name in names),
        "values": ", ".join(given.get(name, f'one."{name}"') for name in names),
    }


class Reads:
    """How many rows of a table are read while the block runs, by whatever reads it: statements, foreign keys."""

    def __init__(self, model: type[models.Model]) -> None:
        self._table = model._meta.db_table

    def __enter__(self) -> "Reads":
        self._before = self._now()
        return self

    def __exit__(self, *raised: object) -> None:
        before, after = self._before, self._now()
        self.rows_by_scan, self.rows_by_index = after[0] - before[0], after[1] - before[1]

    def _now(self) -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(
                "SELECT seq_tup_read, coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = %s",
                [self._table],
            )
            by_scan, by_index = cursor.fetchone()
            return int(by_scan), int(by_index)
