"""Many rows in one statement: what goes in comes out."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, TimelineEvent
from tests.builders import Cast
from workspaces.bulk import insert_rows, update_rows

AT = datetime(2026, 3, 8, 7, 30, 0, 123456, tzinfo=UTC)
ODD = 'Zoë\'s "note", {1,2}; 50 % \\ off\nNULL'


def event(cast: Cast, contact: Contact, **columns: object) -> dict[str, object]:
    return {
        "id": uuid4(),
        "workspace_id": cast.workspace.id,
        "contact_id": contact.id,
        "at": AT,
        "kind": "noted",
        "summary": "A note",
        **columns,
    }


def columns_of(row_id: Any) -> tuple[object, ...]:
    row = TimelineEvent.objects.get(pk=row_id)
    return (row.contact_id, row.at, row.kind, row.summary, row.request_id, row.is_dry_run, row.data, row.once_key)


@pytest.mark.parametrize("others", [0, 1])
def test_every_kind_of_value_comes_out_as_it_went_in(cast: Cast, others: int) -> None:
    request_id, data = uuid4(), {"channel": "email", "odd": [ODD, None, 1.5]}
    row = event(cast, cast.alice, summary=ODD, request_id=request_id, is_dry_run=True, data=data, once_key="once")
    more = [event(cast, cast.bob, summary="", request_id=None, is_dry_run=False, data={}, once_key="")] * others
    with cast.scope():
        insert_rows(TimelineEvent, rows=[row, *more])
        assert columns_of(row["id"]) == (cast.alice.id, AT, "noted", ODD, request_id, True, data, "once")


def test_columns_left_out_get_the_model_s_defaults(cast: Cast) -> None:
    row = event(cast, cast.alice)
    with cast.scope():
        insert_rows(TimelineEvent, rows=[row])
        assert columns_of(row["id"])[4:] == (None, False, {}, "")


def test_it_is_one_statement_for_many(cast: Cast) -> None:
    rows = [event(cast, contact) for contact in (cast.alice, cast.bob)]
    with cast.scope(), CaptureQueriesContext(connection) as queries:
        insert_rows(TimelineEvent, rows=rows)
    assert len(queries) == 1


def test_thousands_go_in_parts_of_which_none_is_left_out(cast: Cast) -> None:
    rows = [event(cast, cast.alice) for _ in range(2_001)]
    with cast.scope(), CaptureQueriesContext(connection) as queries:
        insert_rows(TimelineEvent, rows=rows)
    assert TimelineEvent._base_manager.filter(workspace=cast.workspace, kind="noted").count() == 2_001
    inserts = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
    assert len(inserts) == 2


def test_a_conflict_is_left_out_where_that_is_asked_for(cast: Cast) -> None:
    first, again = (event(cast, cast.alice, once_key="once") for _ in range(2))
    with cast.scope():
        insert_rows(TimelineEvent, rows=[first])
        insert_rows(TimelineEvent, rows=[again], ignore_conflicts=True)
        assert [row.id for row in TimelineEvent.objects.filter(once_key="once")] == [first["id"]]
        with pytest.raises(IntegrityError):
            insert_rows(TimelineEvent, rows=[again])


def test_it_writes_different_values_to_different_rows(cast: Cast) -> None:
    rows = [event(cast, contact) for contact in (cast.alice, cast.bob)]
    with cast.scope():
        insert_rows(TimelineEvent, rows=rows)
        changes = {rows[0]["id"]: {"summary": ODD, "data": {"a": 1}}, rows[1]["id"]: {"summary": "", "data": {}}}
        update_rows(TimelineEvent, rows=changes)  # type: ignore[arg-type]
        assert [columns_of(row["id"])[3] for row in rows] == [ODD, ""]
        assert columns_of(rows[0]["id"])[6] == {"a": 1}


def test_nothing_to_write_is_nothing_asked(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as queries:
        insert_rows(TimelineEvent, rows=[])
        update_rows(TimelineEvent, rows={})
    assert len(queries) == 0


@pytest.mark.parametrize("column", ["pk__among", "organisation_id__among", "name__among"])
def test_among_finds_what_in_finds(cast: Cast, column: str) -> None:
    values: dict[str, list[object]] = {
        "pk__among": [cast.alice.id, cast.bob.id, uuid4()],
        "organisation_id__among": [uuid4()],
        "name__among": ["Alice Adams", ODD],
    }
    with cast.scope():
        found = set(Contact.objects.filter(**{column: values[column]}))
        assert found == set(Contact.objects.filter(**{column.replace("among", "in"): values[column]}))


@pytest.mark.parametrize("nothing", [[], set(), ()])
def test_among_nothing_finds_nothing(cast: Cast, nothing: Any) -> None:
    with cast.scope():
        assert list(Contact.objects.filter(pk__among=nothing)) == []


def test_among_takes_one_parameter_for_many_ids(cast: Cast) -> None:
    ids = [UUID(int=number) for number in range(1, 100)]
    with cast.scope():
        _, parameters = Contact.objects.filter(pk__among=ids).query.sql_with_params()
    assert sum(ids[0].hex in str(parameter) for parameter in parameters) == 1
    assert len(parameters) < 5
