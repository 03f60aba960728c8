"""Queries that are built once give what the querysets they are made of give, each time they are asked."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import QuerySet

from contacts.models import Contact
from tests.builders import make_cast, make_contact, make_person, make_workspace
from workspaces.models import AuditEntry, Membership, Role, Workspace
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces, workspace_scope

pytestmark = pytest.mark.django_db
WHY = "a test of what a worker does"


def members(workspace_id: UUID, ids: list[UUID]) -> QuerySet[Membership, Any]:
    rows = Membership.objects.filter(workspace_id=workspace_id, principal_id__among=ids).order_by("principal_id")
    return rows.values_list("principal_id", "role", "created_at")


def test_it_gives_what_the_queryset_gives() -> None:
    cast = make_cast()
    ids = [cast.ada.principal_id, cast.rosa.principal_id]
    query = Prepared(members, workspace_id=UUID, ids=list[UUID])
    with all_workspaces(WHY):
        assert list(members(cast.workspace.id, ids)) == query.rows(workspace_id=cast.workspace.id, ids=ids) != []


def test_it_takes_other_values_the_next_time() -> None:
    cast = make_cast()
    query = Prepared(members, workspace_id=UUID, ids=list[UUID])
    with all_workspaces(WHY):
        query.rows(workspace_id=cast.workspace.id, ids=[cast.ada.principal_id])
        found = query.rows(workspace_id=cast.workspace.id, ids=[cast.rosa.principal_id])
    assert [row[0] for row in found] == [cast.rosa.principal_id]


def test_it_reads_json_as_the_field_does() -> None:
    make_cast()
    query = Prepared(lambda: AuditEntry.objects.order_by("id").values_list("subjects", flat=True))
    with all_workspaces(WHY):
        found = query.rows()
    assert found
    assert all(isinstance(subjects, list) for subjects in found)


def test_it_takes_numbers() -> None:
    make_cast()
    query = Prepared(
        lambda least: AuditEntry.objects.filter(transaction__gte=least).order_by("id").values_list("id", flat=True),
        least=int,
    )
    with all_workspaces(WHY):
        assert query.rows(least=0)
        assert query.rows(least=2**40) == []


def test_the_database_plans_it_once() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Only PostgreSQL prepares statements.")
    query = Prepared(
        lambda slugs: Workspace.objects.filter(slug__among=slugs).values_list("id", flat=True), slugs=list[str]
    )
    with all_workspaces(WHY):
        for number in range(4):
            query.rows(slugs=[f"slug-{number}"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ['%"slug" = ANY%'])
        assert cursor.fetchone() == (1,)


def test_in_a_scope_it_stays_inside_it() -> None:
    ours, other = make_cast(), make_workspace("other")
    olga = make_person(other, "olga", role=Role.AUTHOR)
    make_contact(other, olga, name="Bob Brown", email="bob@example.org")
    query = Prepared(lambda: Contact.objects.values_list("workspace_id", flat=True))
    with all_workspaces(WHY):
        assert {ours.workspace.id, other.id} <= set(query.rows())
    with workspace_scope(ours.workspace):
        assert set(query.rows()) == {ours.workspace.id}


def test_it_refuses_a_query_that_leaves_an_argument_out() -> None:
    query = Prepared(lambda slug: Workspace.objects.values_list("id", flat=True), slug=str)
    with all_workspaces(WHY), pytest.raises(ValueError, match="does not take slug"):
        query.rows(slug="demo")
