"""Members: who lets whom in, and what the database itself refuses."""

import pytest
from django.db import IntegrityError, connection, transaction

from tests.builders import make_member, make_user
from workspaces.actors import actor_for_membership, system_actor
from workspaces.errors import Conflict, InvalidInput, NotPermitted
from workspaces.models import AuditEntry, Membership, Principal, Role, Workspace
from workspaces.services import add_person, add_service, change_member


def test_an_administrator_lets_a_person_in(cast):
    add_person(workspace=cast.workspace, user=make_user("zoe"), role="author", actor=cast.omar)
    entry = AuditEntry.objects.filter(action="member.added").latest("id")
    assert entry.data == {"role": "author"}


@pytest.mark.parametrize("who", ["rosa", "ada", "vic", "crm", "writer"])
def test_nobody_else_does(cast, who):
    with pytest.raises(NotPermitted):
        add_person(workspace=cast.workspace, user=make_user("zoe"), role="viewer", actor=getattr(cast, who))
    with pytest.raises(NotPermitted):
        add_service(workspace=cast.workspace, name="n8n", actor=getattr(cast, who))


def test_an_owner_of_another_workspace_does_not(cast, other):
    with pytest.raises(NotPermitted):
        add_person(workspace=cast.workspace, user=make_user("zoe"), role="viewer", actor=other.olga)


@pytest.mark.parametrize("role", ["service", "king", ""])
def test_a_person_gets_a_role_of_people(cast, role):
    with pytest.raises(InvalidInput) as refusal:
        add_person(workspace=cast.workspace, user=make_user("zoe"), role=role, actor=cast.omar)
    assert set(refusal.value.fields) == {"role"}


def test_a_person_is_a_member_once(cast):
    with pytest.raises(Conflict):
        add_person(workspace=cast.workspace, user=cast.user_of("rosa"), role="viewer", actor=cast.omar)


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, None, "a\nb"])
def test_a_service_has_a_name(cast, name):
    with pytest.raises(InvalidInput) as refusal:
        add_service(workspace=cast.workspace, name=name, actor=cast.omar)
    assert set(refusal.value.fields) == {"name"}


def test_a_service_gets_the_role_of_services(cast):
    assert add_service(workspace=cast.workspace, name="n8n", actor=cast.omar).role == Role.SERVICE


@pytest.mark.parametrize("role", ["approver", "owner", "viewer"])
def test_a_service_keeps_it(cast, role):
    membership = Membership.objects.get(principal_id=cast.crm.principal_id)
    with pytest.raises(InvalidInput):
        change_member(membership=membership, actor=cast.omar, role=role)


def test_only_an_owner_makes_an_owner(cast):
    zoe = make_member(cast.workspace, "zoe", role=Role.ADMIN)
    yan = make_member(cast.workspace, "yan", role=Role.AUTHOR)
    from_zoe = actor_for_membership(membership=zoe, via="python")
    with pytest.raises(NotPermitted):
        change_member(membership=yan, actor=from_zoe, role=Role.OWNER)
    omar = Membership.objects.get(principal_id=cast.omar.principal_id)
    with pytest.raises(NotPermitted):
        change_member(membership=omar, actor=from_zoe, role=Role.VIEWER)
    assert change_member(membership=yan, actor=cast.omar, role=Role.OWNER).role == Role.OWNER


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_active": False}])
def test_the_last_owner_stays(cast, change):
    omar = Membership.objects.get(principal_id=cast.omar.principal_id)
    with pytest.raises(Conflict, match="last owner"):
        change_member(membership=omar, actor=cast.omar, **change)


def test_a_change_is_on_record_and_heard_by_guards(cast):
    rosa = Membership.objects.get(principal_id=cast.rosa.principal_id)
    before = Workspace.objects.get(pk=cast.workspace.pk).guard_epoch
    change_member(membership=rosa, actor=cast.omar, is_active=False)
    entry = AuditEntry.objects.filter(action="member.changed").get()
    assert entry.data == {"was": "approver", "now": "approver (off)"}
    assert Workspace.objects.get(pk=cast.workspace.pk).guard_epoch == before + 1


@pytest.mark.parametrize("role", ["owner", "admin", "approver", "author", "viewer"])
@pytest.mark.parametrize("who", ["crm", "writer"])
def test_the_database_gives_no_service_or_agent_a_role_of_people(cast, who, role):
    principal_id = getattr(cast, who).principal_id
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE workspaces_membership SET role = %s WHERE principal_id = %s", [role, principal_id])


@pytest.mark.parametrize("who", ["crm", "writer"])
def test_not_even_by_calling_it_a_person(cast, who):
    principal_id = getattr(cast, who).principal_id
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workspaces_membership SET role = 'owner', kind = 'person' WHERE principal_id = %s", [principal_id]
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_nor_by_making_a_person_of_it(cast):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE workspaces_principal SET kind = 'person' WHERE id = %s", [cast.crm.principal_id])


def test_nor_by_letting_it_in_anew(cast, other):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        Membership.objects.create(
            workspace=other.workspace, principal_id=cast.crm.principal_id, kind="person", role=Role.OWNER
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_makes_no_service_an_operator(cast):
    with pytest.raises(IntegrityError), transaction.atomic():
        Principal.objects.filter(pk=cast.crm.principal_id).update(is_operator=True)


def test_the_system_may_let_people_in(cast):
    assert add_person(
        workspace=cast.workspace, user=make_user("zoe"), role="owner", actor=system_actor("shell", via="cli")
    )
