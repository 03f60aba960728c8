"""Plain builders, and the cast that tests speak of. Everything is made by the shipped services.

The cast of the workspace "demo": Omar owns it and operates the installation, Rosa and Sam approve, Ada writes, Vic
looks. "writer" is an agent, "crm" a service. Alice consented to email, Bob was never asked, Charlie opted out.
The workspace "other" has people of its own; none of them belongs to both.
"""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from contacts.models import Contact
from contacts.services import create_contact, record_consent, suppress
from workspaces.actors import Actor, actor_for_membership, agent_actor, service_actor, system_actor
from workspaces.models import Membership, Mode, Principal, Role, Token, User, Workspace
from workspaces.scope import workspace_scope
from workspaces.services import add_person, create_workspace, issue_token
from workspaces.services.members import principal_for_user

PASSWORD = "a pass phrase of the tests"
_numbers = count(1)


def make_user(username: str = "", *, is_operator: bool = False, **fields: Any) -> User:
    """A login with PASSWORD; an operator of the installation where asked."""
    username = username or f"user{next(_numbers)}"
    user = User.objects.create_user(username=username, password=PASSWORD, **fields)
    principal = principal_for_user(user=user)
    if is_operator:
        Principal.objects.filter(pk=principal.pk).update(is_operator=True)
    return user


def make_workspace(slug: str = "", *, mode: str = Mode.LIVE, **fields: Any) -> Workspace:
    """A workspace with its default gates, policies and limits; live, unless said otherwise."""
    slug = slug or f"workspace{next(_numbers)}"
    fields = {"name": slug.capitalize(), "postal_address": "1 Main Street, Springfield", **fields}
    return create_workspace(slug=slug, mode=mode, actor=system_actor("tests", via="python"), **fields)


def make_member(
    workspace: Workspace, username: str = "", *, role: str = Role.AUTHOR, is_operator: bool = False
) -> Membership:
    """A person with a role in the workspace; a login of that name is used where there is one."""
    user = User.objects.filter(username=username).first() or make_user(username, is_operator=is_operator)
    return add_person(workspace=workspace, user=user, role=role, actor=system_actor("tests", via="python"))


def make_person(
    workspace: Workspace, username: str = "", *, role: str = Role.AUTHOR, is_operator: bool = False
) -> Actor:
    """The actor of a new member."""
    membership = make_member(workspace, username, role=role, is_operator=is_operator)
    return actor_for_membership(membership=membership, via="python")


def make_token(workspace: Workspace, actor: Actor, **fields: Any) -> tuple[Token, str]:
    """A bearer token of a member with its secret."""
    membership = Membership.objects.get(workspace=workspace, principal_id=actor.principal_id)
    return issue_token(membership=membership, name="tests", actor=system_actor("tests", via="python"), **fields)


def make_contact(workspace: Workspace, actor: Actor | None = None, **fields: Any) -> Contact:
    """A contact with a name and an email, without consent."""
    number = next(_numbers)
    fields = {"name": f"Person {number}", "email": f"person{number}@example.org", **fields}
    return create_contact(workspace=workspace, actor=actor or system_actor("tests", via="python"), **fields)


def make_consent(workspace: Workspace, contact: Contact, *, actor: Actor | None = None, purpose: str = "email") -> None:
    """A consent on record for one purpose."""
    record_consent(
        workspace=workspace,
        actor=actor or system_actor("tests", via="python"),
        contact_ids=[contact.id],
        purpose=purpose,
        basis="consent",
        source="sign-up form",
    )


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Everybody of one workspace; people are actors, and `user_of` gives their logins."""

    workspace: Workspace
    omar: Actor
    rosa: Actor
    sam: Actor
    ada: Actor
    vic: Actor
    writer: Actor
    crm: Actor
    alice: Contact
    bob: Contact
    charlie: Contact
    tokens: dict[str, str] = field(default_factory=dict)

    def token_of(self, name: str) -> str:
        """The secret of a bearer token of rosa, crm ...; made at first use."""
        if name not in self.tokens:
            self.tokens[name] = make_token(self.workspace, getattr(self, name))[1]
        return self.tokens[name]

    def user_of(self, name: str) -> User:
        """The login of a person of the cast."""
        return User.objects.get(principal__id=getattr(self, name).principal_id)

    def scope(self) -> Any:
        """The workspace's scope, for reading rows: `with cast.scope(): ...`."""
        return workspace_scope(self.workspace)


@dataclass(frozen=True, kw_only=True)
class OtherCast:
    """The second workspace: Olga owns it, Otto approves; Oscar is its contact, "crm" its service."""

    workspace: Workspace
    olga: Actor
    otto: Actor
    crm: Actor
    oscar: Contact

    def scope(self) -> Any:
        """The workspace's scope, for reading rows."""
        return workspace_scope(self.workspace)


def make_cast(*, mode: str = Mode.LIVE) -> Cast:
    """The workspace "demo" with everybody in it."""
    workspace = make_workspace("demo", mode=mode, name="Demo", time_zone="America/New_York")
    ada = make_person(workspace, "ada", role=Role.AUTHOR)
    alice = make_contact(workspace, ada, name="Alice Adams", email="alice@example.org", phone="+12025550101")
    bob = make_contact(workspace, ada, name="Bob Brown", email="bob@example.org", phone="+12025550102")
    charlie = make_contact(workspace, ada, name="Charlie Clark", email="charlie@example.org", phone="+12025550103")
    for purpose in ("email", "sms", "voice"):
        make_consent(workspace, alice, actor=ada, purpose=purpose)
    suppress(workspace=workspace, actor=ada, kind="email", address=charlie.email, reason="opt_out", source="a letter")
    suppress(workspace=workspace, actor=ada, kind="phone", address=charlie.phone, reason="opt_out", source="a letter")
    return Cast(
        workspace=workspace,
        omar=make_person(workspace, "omar", role=Role.OWNER, is_operator=True),
        rosa=make_person(workspace, "rosa", role=Role.APPROVER),
        sam=make_person(workspace, "sam", role=Role.APPROVER),
        ada=ada,
        vic=make_person(workspace, "vic", role=Role.VIEWER),
        writer=agent_actor(workspace=workspace, slug="writer"),
        crm=service_actor(workspace=workspace, name="crm"),
        alice=alice,
        bob=bob,
        charlie=charlie,
    )


def make_other_cast() -> OtherCast:
    """The workspace "other" with its own people."""
    workspace = make_workspace("other", name="Other")
    olga = make_person(workspace, "olga", role=Role.OWNER)
    return OtherCast(
        workspace=workspace,
        olga=olga,
        otto=make_person(workspace, "otto", role=Role.APPROVER),
        crm=service_actor(workspace=workspace, name="crm"),
        oscar=make_contact(workspace, olga, name="Oscar Orr", email="oscar@example.net"),
    )
