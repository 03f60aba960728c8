"""Lists by keyset: a page begins where the last one ended, however long the list and whatever was added meanwhile."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import DateTimeField, IntegerField, Model, Q, QuerySet, UUIDField
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from workspaces.api.bodies import read_moment
from workspaces.errors import InvalidInput

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class _Cursor:
    backwards: bool
    values: tuple[Any, ...]


class CursorPage(BasePagination):
    """`{"next", "previous", "results"}`; `?limit=` 1 to 100, `?cursor=` from a link of another page.

    `order` names columns that are never null and together unique, such as ("-settled_at", "-id"). One query a page.
    """

    order: tuple[str, ...] = ("-id",)

    def __init__(self, *, order: tuple[str, ...] | None = None) -> None:
        self.order = order or self.order
        self.links: dict[str, str | None] = {"next": None, "previous": None}

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        """The rows of this page. Raises InvalidInput for a limit or a cursor that cannot be read."""
        limit = _limit(request)
        text = request.query_params.get("cursor")
        cursor = self._decode(text, queryset=queryset) if text is not None else None
        backwards = cursor is not None and cursor.backwards
        order = tuple(_turned(name) for name in self.order) if backwards else self.order
        if cursor is not None:
            queryset = queryset.filter(_beyond(order, cursor.values))
        rows = list(queryset.order_by(*order)[: limit + 1])
        more = len(rows) > limit
        rows = rows[:limit]
        if backwards:
            rows.reverse()
        if (more or backwards) and rows:
            self.links["next"] = self._link(request, row=rows[-1], backwards=False)
        if (more if backwards else cursor is not None) and rows:
            self.links["previous"] = self._link(request, row=rows[0], backwards=True)
        return rows

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        return Response({**self.links, "results": data})

    def _link(self, request: Request, *, row: Model, backwards: bool) -> str:
        values = [_as_text(getattr(row, name.lstrip("-"))) for name in self.order]
        packed = json.dumps([int(backwards), *values], separators=(",", ":")).encode()
        query = [(key, value) for key, value in _pairs(request) if key != "cursor"]
        query.append(("cursor", base64.urlsafe_b64encode(packed).decode().rstrip("=")))
        return request.build_absolute_uri(request.path) + "?" + urlencode(query)

    def _decode(self, text: str, *, queryset: QuerySet[Any]) -> _Cursor:
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            backwards, *values = parts
            if backwards not in (0, 1) or len(values) != len(self.order):
                raise ValueError("not one of ours")
            read = tuple(
                _read(value, field=_field(queryset, name)) for value, name in zip(values, self.order, strict=True)
            )
        except (ValueError, TypeError, binascii.Error, RecursionError) as error:
            raise InvalidInput(
                "The cursor is not valid. Begin again without it.", fields={"cursor": "Not a cursor of this list."}
            ) from error
        return _Cursor(backwards=bool(backwards), values=read)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        message = f"A whole number from 1 to {MAX_LIMIT}."
        raise InvalidInput(f"limit: {message}", fields={"limit": message})
    return int(text)


def _pairs(request: Request) -> list[tuple[str, str]]:
    return [(key, value) for key, values in request.query_params.lists() for value in values]


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else "-" + name


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """The rows that come after `values` in `order`: (a, b) > (x, y), column by column."""
    name, value = order[0], values[0]
    column, down = name.lstrip("-"), name.startswith("-")
    past = Q(**{f"{column}__{'lt' if down else 'gt'}": value})
    if len(order) == 1:
        return past
    # The first part alone is what an index can use.
    bound = Q(**{f"{column}__{'lte' if down else 'gte'}": value})
    return bound & (past | _beyond(order[1:], values[1:]))


def _field(queryset: QuerySet[Any], name: str) -> Any:
    column = name.lstrip("-")
    if column in queryset.query.annotations:
        return queryset.query.annotations[column].output_field
    return queryset.model._meta.get_field(column)


def _as_text(value: Any) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _read(value: Any, *, field: Any) -> Any:
    """A cursor's value as the column's type. Raises ValueError."""
    if isinstance(field, IntegerField):
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31:
            return value
    elif not isinstance(value, str) or "\0" in value:
        raise ValueError("not text")
    elif isinstance(field, DateTimeField):
        moment = read_moment(value)
        if moment is not None:
            return moment
    elif isinstance(field, UUIDField) or (field.is_relation and field.target_field.get_internal_type() == "UUIDField"):
        return UUID(value)
    else:
        value.encode()
        return value
    raise ValueError("of another kind")
