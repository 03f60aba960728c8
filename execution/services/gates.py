"""The named gates of a workspace."""

from typing import Any

from django.db import transaction

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.models import GateDefinition
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput
from workspaces.guard_lock import guard_change
from workspaces.models import Role, Workspace
from workspaces.permissions import RIGHTS, Permission
from workspaces.scope import workspace_scope
from workspaces.selectors import member_named

_DECIDING = [role.value for role in Role if Permission.DECIDE in RIGHTS[role]]

SHIPPED = {
    "HR_LANG": "Human review of language",
    "HR_LEGAL": "Human review by law",
    "HR_SOCIAL": "Human review of posts",
    "HR_PHONE": "Human review of calls and texts",
    "HR_OPS": "Human review of operations",
}
EDITABLE = ("label", "roles", "quorum", "answer_within_seconds", "expires_after_seconds", "escalate_to")


def create_default_gates(*, workspace: Workspace) -> None:
    """The gates every workspace starts with. In the transaction that makes the workspace."""
    with workspace_scope(workspace):
        GateDefinition.objects.bulk_create(
            [GateDefinition(workspace=workspace, name=n, label=label, roles=_DECIDING) for n, label in SHIPPED.items()]
        )


def update_gate(*, workspace: Workspace, actor: Actor, name: str, **changes: Any) -> GateDefinition:
    """Change who may open a gate, how many, how soon; or define a new one where `name` is new.

    Gates already open keep the number of people they asked for. Raises InvalidInput naming the field, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    problems = _problems(workspace=workspace, name=name, changes=changes)
    if problems:
        raise InvalidInput("The gate cannot be saved like this.", fields=problems)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        gate, _ = GateDefinition.objects.get_or_create(
            workspace=workspace, name=name, defaults={"label": name, "roles": _DECIDING}
        )
        for field, value in changes.items():
            setattr(gate, field, value)
        gate.save(update_fields=list(changes) or None)
        audit.record(
            action="gate.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=gate,
            data={"gate": name, "fields": ", ".join(sorted(changes))},
        )
    return gate


def _problems(*, workspace: Workspace, name: str, changes: dict[str, Any]) -> dict[str, str]:
    problems = dict.fromkeys(set(changes) - set(EDITABLE), "Not a part of a gate.")
    if not name or not name.replace("_", "").isalnum() or len(name) > 40:
        problems["name"] = "Letters, digits and underscores, such as HR_LEGAL."
    roles = changes.get("roles")
    if roles is not None and (not roles or set(roles) - set(_DECIDING)):
        problems["roles"] = f"One or more of {', '.join(_DECIDING)}."
    for field, low in (("quorum", 1), ("answer_within_seconds", 60), ("expires_after_seconds", 60)):
        value = changes.get(field)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < low):
            problems[field] = f"A whole number, {low} at least."
    person = changes.get("escalate_to")
    if person and member_named(workspace_id=workspace.id, name=person) is None:
        problems["escalate_to"] = "Nobody with that user name is active here."
    return problems


def may_open(*, actor: Actor, definition: GateDefinition | None) -> bool:
    """Whether the actor's role opens a gate. One that nobody defined is for administrators and owners."""
    return actor.is_person and role_opens(role=actor.role, definition=definition)


def role_opens(*, role: Role | None, definition: GateDefinition | None) -> bool:
    """Whether members of `role` open the gate; the dispatch asks this again of everyone who approved."""
    if role is None or Permission.DECIDE not in RIGHTS[role]:
        return False
    return role in (definition.roles if definition else [Role.OWNER, Role.ADMIN])
