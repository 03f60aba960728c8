"""Who may do what: the table of roles, and the actors that people, services and agents become."""

from uuid import uuid4

import pytest

from tests.builders import make_member, make_person, make_user, make_workspace
from workspaces.actors import (
    Actor,
    actor_for_membership,
    actor_for_user,
    agent_actor,
    resolve_actor,
    service_actor,
    system_actor,
)
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.models import Membership, Principal, PrincipalKind, Role
from workspaces.permissions import RIGHTS, Permission
from workspaces.services import change_member

ALL = set(Permission)
EXPECTED = {
    Role.OWNER: ALL,
    Role.ADMIN: ALL,
    Role.APPROVER: ALL - {Permission.MANAGE, Permission.MEMBERS},
    Role.AUTHOR: {Permission.VIEW, Permission.EXPORT, Permission.PROPOSE, Permission.HOLD},
    Role.VIEWER: {Permission.VIEW},
    Role.SERVICE: {Permission.VIEW, Permission.PROPOSE, Permission.HOLD},
}
DECIDING = {Permission.DECIDE, Permission.RELEASE, Permission.RUN, Permission.RESOLVE, Permission.MANAGE}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_each_role_has_its_rights_and_no_other(role, permission):
    actor = Actor(principal_id=uuid4(), kind=PrincipalKind.PERSON, label="human:x", via="api", role=role)
    assert actor.may(permission) == (permission in EXPECTED[role])


def test_every_role_is_in_the_table():
    assert set(RIGHTS) == set(Role)


def test_every_right_can_be_said_in_words():
    assert all(permission.in_words for permission in Permission)


@pytest.mark.parametrize("permission", sorted(DECIDING))
def test_no_service_agent_or_system_ever_decides(cast, permission):
    for actor in (cast.crm, cast.writer):
        assert not actor.may(permission)
    assert not system_actor("poll").may(Permission.DECIDE)
    assert not system_actor("poll").may(Permission.RELEASE)


def test_a_member_of_another_workspace_has_no_right_here(cast, other):
    with pytest.raises(NotPermitted):
        other.olga.require(Permission.VIEW, workspace_id=cast.workspace.id)


def test_a_refusal_says_who_may_not_do_what(cast):
    with pytest.raises(NotPermitted, match="human:vic may not approve or reject here"):
        cast.vic.require(Permission.DECIDE)


def test_only_an_operator_passes_as_one(cast):
    cast.omar.require_operator()
    with pytest.raises(NotPermitted):
        cast.rosa.require_operator()


def test_a_login_becomes_the_actor_of_its_membership(cast):
    actor = actor_for_user(user=cast.user_of("rosa"), workspace=cast.workspace, via="console")
    assert (actor.label, actor.role, actor.workspace_id) == ("human:rosa", Role.APPROVER, cast.workspace.id)


def test_a_login_is_nobody_elsewhere(cast, other):
    with pytest.raises(NotPermitted):
        actor_for_user(user=cast.user_of("rosa"), workspace=other.workspace, via="console")


def test_a_login_without_a_membership_is_nobody(cast):
    with pytest.raises(NotPermitted):
        actor_for_user(user=make_user(), workspace=cast.workspace, via="console")


@pytest.mark.parametrize("what", ["membership", "principal", "login"])
def test_whoever_is_switched_off_does_not_act(cast, what):
    user = cast.user_of("rosa")
    if what == "membership":
        Membership.objects.filter(principal__user=user).update(is_active=False)
    elif what == "principal":
        Principal.objects.filter(user=user).update(is_active=False)
    else:
        user.is_active = False
        user.save()
    with pytest.raises(NotPermitted):
        actor_for_user(user=user, workspace=cast.workspace, via="console")


@pytest.mark.django_db
def test_an_agent_and_a_service_are_made_at_first_use_and_once():
    workspace = make_workspace()
    for make in (
        lambda: agent_actor(workspace=workspace, slug="writer"),
        lambda: service_actor(workspace=workspace, name="crm"),
    ):
        assert make() == make()
    assert {m.role for m in Membership.objects.filter(workspace=workspace)} == {Role.SERVICE}


def test_two_workspaces_have_agents_of_their_own(cast, other):
    ours, theirs = (agent_actor(workspace=w, slug="writer") for w in (cast.workspace, other.workspace))
    assert ours.principal_id != theirs.principal_id


@pytest.mark.parametrize("label", ["human:rosa", "service:crm", "agent:writer"])
def test_a_label_finds_its_actor(cast, label):
    assert resolve_actor(label=label, workspace=cast.workspace, via="python").label == label


@pytest.mark.parametrize("label", ["", "rosa", "human:", "robot:rosa", ":rosa"])
def test_what_is_no_label_is_refused_in_plain_words(cast, label):
    with pytest.raises(InvalidInput, match="human:USERNAME"):
        resolve_actor(label=label, workspace=cast.workspace, via="python")


@pytest.mark.parametrize("label", ["human:nobody", "service:rosa", "agent:crm", "human:olga"])
def test_a_label_of_nobody_here_is_refused(cast, other, label):
    with pytest.raises(NotPermitted):
        resolve_actor(label=label, workspace=cast.workspace, via="python")


def test_without_a_workspace_a_label_finds_an_operator_without_a_role(cast):
    actor = resolve_actor(label="human:omar", workspace=None, via="cli")
    assert actor.is_operator
    assert actor.role is None
    assert not actor.may(Permission.DECIDE)


def test_a_label_shows_what_acts(cast):
    labels = [str(Principal.objects.get(pk=actor.principal_id)) for actor in (cast.rosa, cast.crm, cast.writer)]
    assert labels == ["human:rosa", "service:crm", "agent:writer"]
    assert system_actor("poll").label == "system:poll"


def test_a_change_of_role_takes_effect_on_the_next_act(cast):
    membership = make_member(cast.workspace, "zoe", role=Role.APPROVER)
    change_member(membership=membership, actor=cast.omar, role=Role.VIEWER)
    membership.refresh_from_db()
    assert not actor_for_membership(membership=membership, via="api").may(Permission.DECIDE)


def test_an_operator_is_no_owner_of_every_workspace(cast, other):
    assert make_person(other.workspace, "omar", role=Role.VIEWER).may(Permission.DECIDE) is False
