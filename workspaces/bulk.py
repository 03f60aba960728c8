"""Many rows in one statement, at the speed that claiming and settling need.

On PostgreSQL the rows travel as one JSON parameter, which costs a tenth of a parameter for every value; ids are looked
up as one array. SQLite gets Django's own statements.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, models
from django.db.models.fields import Field
from django.db.models.lookups import In

from workspaces.prepared import array_of, preparing_cursor

_BATCH = 2_000  # rows in one statement, so that its text stays within a few megabytes


class Among(In):
    """`id__among=ids`: as `id__in`, with all of them in one parameter. For ids, and for text."""

    lookup_name = "among"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """As an array; what no array is made of here (no value, a subquery, other types) as `IN`."""
        values = self.rhs if isinstance(self.rhs, list | tuple | set | frozenset) else None
        kinds = set(map(type, values or ()))
        if kinds == {UUID}:
            sql, parameters = self.process_lhs(compiler, connection)
            return f"{sql} = ANY(%s::uuid[])", [*parameters, array_of(values or ())]
        if kinds == {str}:
            sql, parameters = self.process_lhs(compiler, connection)
            return f"{sql} = ANY(%s::text[])", [*parameters, list(values or ())]
        return In.as_sql(self, compiler, connection)  # type: ignore[return-value]


def insert_rows(
    model: type[models.Model], *, rows: Sequence[Mapping[str, Any]], ignore_conflicts: bool = False
) -> None:
    """Insert rows: column -> value, the same columns in each; the other columns get the model's defaults.

    ignore_conflicts: leave out what breaks a unique constraint.
    """
    if not rows:
        return
    if len(rows) > _BATCH:
        for start in range(0, len(rows), _BATCH):
            insert_rows(model, rows=rows[start : start + _BATCH], ignore_conflicts=ignore_conflicts)
        return
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    given = rows[0].keys()
    if connection.vendor != "postgresql":
        objects = [model(**row) for row in rows]
        model._base_manager.bulk_create(objects, ignore_conflicts=ignore_conflicts)
        return
    same = {field.attname: field.get_default() for field in fields if field.attname not in given}
    source = _Source(fields=fields, rows=rows, same=same)
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    sql = (
        f"INSERT INTO {quote(model._meta.db_table)} ({names}) "  # noqa: S608
        f"SELECT {', '.join(source.columns)} FROM {source.table}"
    )
    if ignore_conflicts:
        sql += " ON CONFLICT DO NOTHING"
    with preparing_cursor() as cursor:
        cursor.execute(sql, source.parameters)


def insert_objects(objects: Iterable[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Insert unsaved objects of one model, as `bulk_create` does, at a fraction of its cost."""
    left = iter(objects)
    while part := list(islice(left, _BATCH)):
        model = type(part[0])
        if connection.vendor != "postgresql":
            model._base_manager.bulk_create(part, ignore_conflicts=ignore_conflicts)
            continue
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        for field in fields:
            if getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
                for one in part:
                    field.pre_save(one, add=True)
        names = [field.attname for field in fields]
        insert_rows(model, rows=[{n: vars(one)[n] for n in names} for one in part], ignore_conflicts=ignore_conflicts)
        for one in part:
            one._state.adding, one._state.db = False, connection.alias


def update_rows(model: type[models.Model], *, rows: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Set columns of rows by primary key: id -> {column: value}, the same columns for every row."""
    if not rows:
        return
    given = next(iter(rows.values())).keys()
    fields = [field for field in model._meta.concrete_fields if field.attname in given]
    if connection.vendor != "postgresql":
        objects = [model(pk=key, **values) for key, values in rows.items()]
        model._base_manager.bulk_update(objects, [field.name for field in fields])
        return
    key = model._meta.pk
    source = _Source(fields=[key, *fields], rows=[{key.attname: pk, **values} for pk, values in rows.items()], same={})
    quote = connection.ops.quote_name
    pairs = zip(fields, source.columns[1:], strict=True)
    sets = ", ".join(f"{quote(str(field.column))} = {value}" for field, value in pairs)
    sql = (
        f"UPDATE {quote(model._meta.db_table)} AS old SET {sets} FROM {source.table} "  # noqa: S608
        f"WHERE old.{quote(str(key.column))} = {source.columns[0]}"
    )
    with preparing_cursor() as cursor:
        cursor.execute(sql, source.parameters)


class _Source:
    """Rows as a table in FROM: what is the same in each stands as a value of its own, the rest in one JSON text.

    The first field is always taken from the table. Names come from the model and are quoted; values are parameters.
    """

    def __init__(
        self, *, fields: Sequence["Field[Any, Any]"], rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]
    ) -> None:
        quote = connection.ops.quote_name
        self.columns: list[str] = []
        self.parameters: list[Any] = []
        varying: dict[str, str] = {}
        for field in fields:
            name, kind = field.attname, str(field.db_type(connection))
            value = same[name] if name in same else rows[0][name]
            if varying and (name in same or all(row[name] == value for row in rows)):
                self.columns.append(f"%s::{kind}")
                self.parameters.append(json.dumps(value) if kind == "jsonb" and value is not None else value)
            else:
                self.columns.append(f"new.{quote(name)}")
                varying[name] = f"{quote(name)} {kind}"
        self.parameters.append(_as_json([{name: row[name] for name in varying} for row in rows]))
        self.table = f"jsonb_to_recordset(%s::jsonb) AS new ({', '.join(varying.values())})"


def _as_json(rows: list[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(rows, default=_text).decode()
    except TypeError:  # a whole number of more than 64 bits, in what somebody proposed
        return json.dumps(rows, default=_text)


def _text(value: Any) -> str:
    """What JSON has no form for, as PostgreSQL reads it: bytes in hexadecimal, ids and times as they are written."""
    return "\\x" + value.hex() if isinstance(value, bytes | memoryview) else str(value)
