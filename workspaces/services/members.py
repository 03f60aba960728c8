"""Who belongs to a workspace."""

import re

from django.db import transaction

from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import Conflict, InvalidInput, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import Membership, Principal, PrincipalKind, Role, User, Workspace
from workspaces.permissions import Permission

audit.register(
    {
        "member.added": "{actor} added a member as {role}",
        "member.changed": "{actor} changed a member from {was} to {now}",
    }
)

_SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def principal_for_user(*, user: User) -> Principal:
    """The principal of a login, made at first use."""
    principal, _ = Principal.objects.get_or_create(
        user=user, defaults={"kind": PrincipalKind.PERSON, "name": user.username}
    )
    return principal


def add_person(*, workspace: Workspace, user: User, role: str, actor: Actor) -> Membership:
    """Give a person a role here. Raises InvalidInput for an unknown role, Conflict for someone already here."""
    if role not in Role.values or role == Role.SERVICE:
        raise InvalidInput("A person is an owner, admin, approver, author or viewer.", fields={"role": "Unknown role."})
    _may_grant(actor=actor, workspace=workspace, role=role)
    return _add(workspace=workspace, principal=principal_for_user(user=user), role=role, actor=actor)


def add_service(*, workspace: Workspace, name: str, actor: Actor) -> Membership:
    """Let an API or MCP client in. It can propose, withdraw, comment and hold, and never decide.

    Raises InvalidInput for a name that is none, Conflict for a service that is here already.
    """
    if not isinstance(name, str) or not _SERVICE_NAME.fullmatch(name):
        raise InvalidInput(
            "A service has a name of letters, digits, dots, hyphens and underscores, such as crm.",
            fields={"name": "1 to 80 letters, digits, dots, hyphens or underscores."},
        )
    _may_grant(actor=actor, workspace=workspace, role=Role.SERVICE)
    principal, _ = Principal.objects.get_or_create(kind=PrincipalKind.SERVICE, name=name, workspace=workspace)
    return _add(workspace=workspace, principal=principal, role=Role.SERVICE, actor=actor)


def change_member(
    *, membership: Membership, actor: Actor, role: str | None = None, is_active: bool | None = None
) -> Membership:
    """Change a member's role or switch them off or on. Takes effect on the next request and the next send."""
    workspace = membership.workspace
    wanted_role = role or membership.role
    wanted_active = membership.is_active if is_active is None else is_active
    _may_grant(actor=actor, workspace=workspace, role=wanted_role)
    if (membership.kind == PrincipalKind.PERSON) != (wanted_role != Role.SERVICE) or wanted_role not in Role.values:
        raise InvalidInput("That role is not for this kind of member.", fields={"role": "Not for this member."})
    with transaction.atomic(), guard_change(workspace=workspace):
        row = Membership.objects.select_for_update().get(pk=membership.pk)
        if row.role == Role.OWNER:
            _may_grant(actor=actor, workspace=workspace, role=Role.OWNER)
            if (wanted_role != Role.OWNER or not wanted_active) and not _other_owner(row):
                raise Conflict("This is the last owner. Make someone else an owner first.")
        was = _words(role=row.role, is_active=row.is_active)
        row.role, row.is_active = wanted_role, wanted_active
        row.save(update_fields=["role", "is_active"])
        audit.record(
            action="member.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=row,
            data={"was": was, "now": _words(role=wanted_role, is_active=wanted_active)},
        )
    return row


def _may_grant(*, actor: Actor, workspace: Workspace, role: str) -> None:
    if actor.kind == PrincipalKind.SYSTEM or (actor.is_operator and actor.workspace_id is None):
        return
    actor.require(Permission.MEMBERS, workspace_id=workspace.id)
    if role == Role.OWNER and actor.role != Role.OWNER:
        raise NotPermitted("Only an owner may make or change an owner.")


def _add(*, workspace: Workspace, principal: Principal, role: str, actor: Actor) -> Membership:
    with transaction.atomic(), guard_change(workspace=workspace):
        membership, created = Membership.objects.get_or_create(
            workspace=workspace, principal=principal, defaults={"kind": principal.kind, "role": role}
        )
        if not created:
            raise Conflict(f"{principal.label} is a member already.")
        audit.record(
            action="member.added", actor=actor, workspace_id=workspace.id, subject=membership, data={"role": role}
        )
    return membership


def _other_owner(membership: Membership) -> bool:
    owners = Membership.objects.filter(workspace=membership.workspace, role=Role.OWNER, is_active=True)
    return owners.exclude(pk=membership.pk).exists()


def _words(*, role: str, is_active: bool) -> str:
    return role if is_active else f"{role} (off)"
