"""The actor: who does something, in which workspace, with which rights. Passed to every service, never guessed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from workspaces.errors import InvalidInput, NotPermitted
from workspaces.models import Membership, Principal, PrincipalKind, Role, Workspace
from workspaces.permissions import RIGHTS, Permission

if TYPE_CHECKING:
    from workspaces.models import Token, User

KIND_OF_WORD = {
    "human": PrincipalKind.PERSON,
    "service": PrincipalKind.SERVICE,
    "agent": PrincipalKind.AGENT,
    "system": PrincipalKind.SYSTEM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A principal at work: `via` is the way in (console, api, cli, cron, cluster, python)."""

    principal_id: UUID
    kind: PrincipalKind
    label: str
    via: str
    workspace_id: UUID | None = None
    role: Role | None = None
    is_operator: bool = False

    @property
    def is_person(self) -> bool:
        return self.kind == PrincipalKind.PERSON

    def may(self, permission: Permission) -> bool:
        """Whether this actor holds `permission` in its workspace. The system may run and hold, never decide."""
        if self.kind == PrincipalKind.SYSTEM:
            return permission in _SYSTEM_RIGHTS
        return self.role is not None and permission in RIGHTS[self.role]

    def require(self, permission: Permission, *, workspace_id: UUID | None = None) -> None:
        """Raise NotPermitted unless this actor holds `permission` in the workspace given."""
        if workspace_id is not None and self.workspace_id not in (None, workspace_id):
            raise NotPermitted(f"{self.label} is not a member of this workspace.")
        if not self.may(permission):
            raise NotPermitted(
                f"{self.label} may not {permission.in_words} here. Ask an administrator of this workspace."
            )

    def require_operator(self) -> None:
        """Raise NotPermitted unless this is an operator of the installation."""
        if not self.is_operator:
            raise NotPermitted(f"{self.label} may not do this: it is for an operator of the installation.")


_SYSTEM_RIGHTS = frozenset({Permission.VIEW, Permission.PROPOSE, Permission.RUN, Permission.HOLD})


def actor_for_membership(*, membership: Membership, via: str) -> Actor:
    """The actor behind a membership. Raises NotPermitted if it or its principal is switched off."""
    principal = membership.principal
    if not (membership.is_active and principal.is_active):
        raise NotPermitted(f"{principal.label} is switched off in this workspace.")
    if principal.user is not None and not principal.user.is_active:
        raise NotPermitted(f"{principal.label} can no longer log in.")
    return Actor(
        principal_id=principal.id,
        kind=PrincipalKind(principal.kind),
        label=principal.label,
        via=via,
        workspace_id=membership.workspace_id,
        role=Role(membership.role),
        is_operator=principal.is_operator,
    )


def _membership(*, principal: Principal, workspace: Workspace) -> Membership:
    membership = (
        Membership.objects.select_related("principal__user").filter(workspace=workspace, principal=principal).first()
    )
    if membership is None:
        raise NotPermitted(f"{principal.label} is not a member of this workspace.")
    return membership


def actor_for_user(*, user: "User", workspace: Workspace, via: str) -> Actor:
    """The person logged in as `user`, in `workspace`. Raises NotPermitted for a stranger."""
    principal = Principal.objects.filter(user=user).first()
    if principal is None:
        raise NotPermitted("This login belongs to no workspace. Ask an administrator to add it.")
    return actor_for_membership(membership=_membership(principal=principal, workspace=workspace), via=via)


def actor_for_token(*, token: "Token", via: str = "api") -> Actor:
    """The member a bearer token stands for."""
    return actor_for_membership(membership=token.membership, via=via)


def system_actor(name: str, *, via: str = "cluster") -> Actor:
    """A part of the machine: `poll`, `sweeper`, `sealer` ... Made at first use."""
    principal = _system_principal(name)
    return Actor(principal_id=principal, kind=PrincipalKind.SYSTEM, label=f"system:{name}", via=via)


def _system_principal(name: str) -> UUID:
    # One indexed read each time: a cached id would outlive the row when a process is pointed at another database.
    with transaction.atomic():
        principal, _ = Principal.objects.get_or_create(kind=PrincipalKind.SYSTEM, name=name, workspace=None)
    return principal.id


def agent_actor(*, workspace: Workspace, slug: str, via: str = "agent") -> Actor:
    """The agent `slug` of a workspace, with the service role; made at first use."""
    return _made_member(workspace=workspace, kind=PrincipalKind.AGENT, name=slug, via=via)


def service_actor(*, workspace: Workspace, name: str, via: str = "api") -> Actor:
    """The service `name` of a workspace (an API or MCP client); made at first use."""
    return _made_member(workspace=workspace, kind=PrincipalKind.SERVICE, name=name, via=via)


def _made_member(*, workspace: Workspace, kind: PrincipalKind, name: str, via: str) -> Actor:
    with transaction.atomic():
        principal, _ = Principal.objects.get_or_create(kind=kind, name=name, workspace=workspace)
        membership, _ = Membership.objects.get_or_create(
            workspace=workspace, principal=principal, defaults={"kind": kind, "role": Role.SERVICE}
        )
    membership.principal = principal
    return actor_for_membership(membership=membership, via=via)


def resolve_actor(*, label: str, workspace: Workspace | None, via: str) -> Actor:
    """The actor shown as `label`, such as `human:rosa` or `service:crm`.

    With workspace None only an operator (a person) is found, without a role.
    Raises InvalidInput for a label of another form and NotPermitted for someone unknown here.
    """
    word, _, name = label.partition(":")
    kind = KIND_OF_WORD.get(word)
    if kind is None or not name:
        raise InvalidInput(
            f"“{label}” does not name an actor: write human:USERNAME, service:NAME or agent:NAME.",
            fields={"actor": "Write human:USERNAME, service:NAME or agent:NAME."},
        )
    if kind == PrincipalKind.SYSTEM:
        return system_actor(name, via=via)
    owned_by = None if kind == PrincipalKind.PERSON else workspace
    principal = Principal.objects.select_related("user").filter(kind=kind, name=name, workspace=owned_by).first()
    if principal is None or not principal.is_active:
        raise NotPermitted(f"There is no {label} here.")
    if workspace is None:
        return Actor(
            principal_id=principal.id,
            kind=kind,
            label=principal.label,
            via=via,
            is_operator=principal.is_operator,
        )
    return actor_for_membership(membership=_membership(principal=principal, workspace=workspace), via=via)
