"""Queries built once and prepared by the database, for the statements that claiming and settling repeat all day.

Django builds and compiles a queryset at every use and PostgreSQL plans it anew, which for forty small statements a
chunk costs more than running them.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import JSONField, QuerySet
from django.db.models.query import FlatValuesListIterable
from django_scopes import get_scope
from psycopg import Cursor
from psycopg.pq import Format

_SAMPLES: dict[type, Callable[[], Any]] = {
    UUID: uuid4,
    datetime: lambda: datetime(1970, 1, 1, microsecond=uuid4().int % 1_000_000, tzinfo=UTC),
    str: lambda: uuid4().hex,
    int: lambda: 1_000_000_000 + uuid4().int % 1_000_000_000,
}


@contextmanager
def preparing_cursor(*, binary: bool = False) -> Iterator[Any]:
    """A cursor whose statements PostgreSQL plans once, where they come again with other parameters.

    binary: results travel as PostgreSQL keeps them, which spares both sides writing and reading ids, times and bytes
    as text. Not for JSON, which Django reads from text.

    It is wrapped as Django wraps its own, so that its statements are counted and its errors translated. An ordinary
    one on SQLite, and where statements are logged, since Django logs only what its own cursors say.
    """
    if connection.vendor != "postgresql" or connection.queries_logged:
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    inner: Any = Cursor(connection.connection)
    inner.format = Format.BINARY if binary else Format.TEXT
    with connection.make_cursor(inner) as cursor:
        yield cursor


class _Statement:
    """What is kept of a query: its SQL, and where in its parameters each argument goes."""

    def __init__(self, *, compiler: Any, samples: dict[str, Any]) -> None:
        self.sql, given = compiler.as_sql()
        # `__among` hands an array of ids over as text.
        self._as_text = {name for name, sample in samples.items() if isinstance(sample, list) and _is_id(sample[0])}
        known = [(name, array_of(value) if name in self._as_text else value) for name, value in samples.items()]
        self._parts = [
            (value, next((name for name, sample in known if isinstance(value, type(sample)) and sample == value), None))
            for value in given
        ]
        missing = samples.keys() - {name for _, name in self._parts}
        if missing:
            raise ValueError(f"The query does not take {', '.join(sorted(missing))} as it is given.")

    def run(self, cursor: Any, arguments: dict[str, Any]) -> None:
        values = {name: array_of(value) if name in self._as_text else value for name, value in arguments.items()}
        cursor.execute(self.sql, [value if name is None else values[name] for value, name in self._parts])


class Prepared:
    """A queryset of `values_list`, made by `build` from named arguments, with its SQL kept after the first use.

    kinds: the type of each argument; `list[UUID]` and `list[str]` are for `__among`. `build` must make the same query
    whatever the values are, and must filter by the workspace itself where it takes one: the SQL is kept only where
    the scope is lifted, as in a worker. In a workspace's scope, and on SQLite, it is an ordinary queryset.
    """

    def __init__(self, build: "Callable[..., QuerySet[Any, Any]]", **kinds: Any) -> None:
        self._build, self._kinds = build, kinds
        self._ready: tuple[_Statement, bool, Callable[[list[Any]], list[Any]]] | None = None
        self._lock = threading.Lock()

    def rows(self, **arguments: Any) -> list[Any]:
        """The rows of the query, as tuples (or single values where `flat`)."""
        if _is_ordinary():
            return list(self._build(**arguments))
        statement, binary, convert = self._ready or self._prepare()
        with preparing_cursor(binary=binary) as cursor:
            statement.run(cursor, arguments)
            return convert(cursor.fetchall())

    def _prepare(self) -> tuple[_Statement, bool, Callable[[list[Any]], list[Any]]]:
        with self._lock:
            if self._ready is None:
                samples = _samples(self._kinds)
                queryset = self._build(**samples)
                compiler = queryset.query.get_compiler(using=connection.alias)
                statement = _Statement(compiler=compiler, samples=samples)
                if len(compiler.select) != len(queryset.query.values_select):
                    raise ValueError("Only plain columns of `values_list` can be prepared.")
                columns = [found[0] for found in compiler.select]
                converters = compiler.get_converters(columns)
                binary = not any(isinstance(column.output_field, JSONField) for column in columns)
                flat = queryset._iterable_class is FlatValuesListIterable

                def convert(rows: list[Any]) -> list[Any]:
                    if converters:
                        rows = [tuple(row) for row in compiler.apply_converters(rows, converters)]
                    return [row[0] for row in rows] if flat else rows

                self._ready = statement, binary, convert
            return self._ready


def _is_ordinary() -> bool:
    return connection.vendor != "postgresql" or get_scope().get("_enabled", True)


def _samples(kinds: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [_SAMPLES[kind.__args__[0]]()] if kind in (list[UUID], list[str]) else _SAMPLES[kind]()
        for name, kind in kinds.items()
    }


def array_of(ids: Iterable[UUID]) -> str:
    """Ids as the text of a PostgreSQL array: one parameter for all of them."""
    return "{" + ",".join([one.hex for one in ids]) + "}"


def _is_id(value: Any) -> bool:
    return isinstance(value, UUID)
