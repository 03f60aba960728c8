"""Members, tokens, workspaces and the audit log, read in a few queries."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.builders import make_member, make_person, make_token, make_user
from workspaces import audit
from workspaces.models import Membership, Principal, Role
from workspaces.permissions import Permission
from workspaces.selectors import audit_entries, members, people_who_may, tokens_of, workspaces_of

audit.register({"test.entry": "{actor} wrote number {n}"})


def write(cast, **fields):
    with transaction.atomic():
        return audit.record(**{"action": "test.entry", "actor": cast.rosa, "workspace_id": cast.workspace.id, **fields})


def test_a_login_enters_its_own_workspaces(cast, other):
    user = cast.user_of("rosa")
    assert list(workspaces_of(user=user)) == [cast.workspace]
    make_member(other.workspace, "rosa")
    assert [w.slug for w in workspaces_of(user=user)] == ["demo", "other"]
    assert list(workspaces_of(user=make_user())) == []


@pytest.mark.parametrize("what", ["membership", "principal", "login"])
def test_whoever_is_switched_off_enters_none_and_answers_no_gate(cast, what):
    user = cast.user_of("rosa")
    if what == "membership":
        Membership.objects.filter(principal__user=user).update(is_active=False)
    elif what == "principal":
        Principal.objects.filter(user=user).update(is_active=False)
    else:
        type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert not workspaces_of(user=user).exists()
    assert "rosa" not in {p.name for p in people_who_may(workspace=cast.workspace, permission=Permission.DECIDE)}
    assert {m.principal.name for m in members(workspace=cast.workspace, active=False)} == {"rosa"}
    assert "rosa" not in {m.principal.name for m in members(workspace=cast.workspace, active=True)}


def test_members_are_listed_with_their_names_in_one_query(cast, other, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = [(member.principal.label, str(member.principal.user)) for member in members(workspace=cast.workspace)]
    assert [label for label, _ in found] == [
        "agent:writer",
        "human:ada",
        "human:omar",
        "human:rosa",
        "human:sam",
        "human:vic",
        "service:crm",
    ]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"kind": "agent"}, ["writer"]),
        ({"role": "approver"}, ["rosa", "sam"]),
        ({"q": " VI "}, ["vic"]),
        ({"q": "nobody"}, []),
    ],
)
def test_members_can_be_filtered(cast, filters, names):
    assert [member.principal.name for member in members(workspace=cast.workspace, **filters)] == names


def test_people_who_may_are_people(cast, other):
    make_person(cast.workspace, "otto", role=Role.VIEWER)  # who decides elsewhere
    found = people_who_may(workspace=cast.workspace, permission=Permission.DECIDE)
    assert [principal.name for principal in found] == ["omar", "rosa", "sam"]
    proposing = people_who_may(workspace=cast.workspace, permission=Permission.PROPOSE)
    assert {principal.kind for principal in proposing} == {"person"}


def test_tokens_are_those_of_the_workspaces_members(cast, other):
    token, _ = make_token(cast.workspace, cast.crm)
    make_token(other.workspace, other.crm)
    assert list(tokens_of(workspace=cast.workspace)) == [token]


def test_the_log_of_a_workspace_holds_no_others(cast, other):
    write(cast)
    assert {entry.workspace_id for entry in audit_entries(workspace=cast.workspace)} == {cast.workspace.id}
    assert {entry.workspace_id for entry in audit_entries(workspace=None)} <= {None}


def test_it_reads_newest_first_with_its_actors_in_one_query(cast, django_assert_num_queries):
    first, second = write(cast), write(cast)
    with django_assert_num_queries(1):
        page = [(entry.id, entry.actor.label) for entry in audit_entries(workspace=cast.workspace)[:2]]
    assert page == [(second.id, "human:rosa"), (first.id, "human:rosa")]


def test_the_log_of_a_row_holds_it_alone_and_in_a_chunk(cast):
    alone = write(cast, subject=cast.alice)
    chunk = write(cast, subjects=[cast.alice.id, cast.bob.id])
    write(cast, subject=cast.bob)
    found = audit_entries(workspace=cast.workspace, subject_id=cast.alice.id, action="test.entry")
    assert [entry.id for entry in found] == [chunk.id, alone.id]


def test_the_log_of_a_row_is_found_by_indexes(cast):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workspaces_auditentry SELECT gen_random_uuid(), now(), 'test.entry', 'api', '', NULL, '[]',"
            " '{}', gen_random_uuid(), n, '', %s, %s FROM generate_series(1, 20000) AS n",
            [cast.rosa.principal_id, cast.workspace.id],
        )
        # What autovacuum does in its own time: what other tests have written makes the index look dear.
        cursor.execute("SELECT gin_clean_pending_list('audit_of_chunk_member')")
        cursor.execute("ANALYZE workspaces_auditentry")
        plan = audit_entries(workspace=cast.workspace, subject_id=cast.alice.id).explain()
    assert "audit_of_chunk_member" in plan
    assert "audit_of_subject" in plan


def test_the_log_can_be_filtered(cast):
    entry = write(cast, data={"n": 1})
    later = timezone.now() + timedelta(seconds=1)
    for filters, found in (
        ({"action": "test."}, True),
        ({"action": "test.entry"}, True),
        ({"action": "test"}, False),
        ({"actor_id": cast.rosa.principal_id}, True),
        ({"actor_id": cast.vic.principal_id}, False),
        ({"correlation": entry.correlation}, True),
        ({"since": entry.at}, True),
        ({"since": later}, False),
        ({"until": later}, True),
        ({"until": entry.at}, False),
    ):
        ids = {one.id for one in audit_entries(workspace=cast.workspace, **filters)}
        assert (entry.id in ids) is found, filters
