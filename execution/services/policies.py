"""Publishing policies; each version stays as it was published."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max

from execution.models import PolicyVersion
from execution.policies import DEFAULT_RULES, validate_rules
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def current_policy(*, workspace: Workspace) -> PolicyVersion:
    """The version in force. A workspace without one has no rules: everything goes to a person.

    Runs inside the workspace's scope.
    """
    policy = PolicyVersion.objects.filter(workspace=workspace).order_by("-number").first()
    return policy or PolicyVersion(workspace=workspace, number=0, rules=[])


def publish(*, workspace: Workspace, actor: Actor, rules: Sequence[Any], note: str = "") -> PolicyVersion:
    """Put a new version in force: for what is proposed from now on, and for what is approved and not yet sent.

    Raises InvalidInput naming each part of a rule that cannot be read, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    return _publish(workspace=workspace, actor=actor, rules=rules, note=note)


def publish_defaults(*, workspace: Workspace, actor: Actor) -> PolicyVersion:
    """The rules a new workspace starts with."""
    return _publish(
        workspace=workspace, actor=actor, rules=DEFAULT_RULES, note="The rules every workspace starts with."
    )


def _publish(*, workspace: Workspace, actor: Actor, rules: Sequence[Any], note: str) -> PolicyVersion:
    problems = validate_rules(rules)
    if problems:
        raise InvalidInput("These rules cannot be read.", fields=problems)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        highest = PolicyVersion.objects.filter(workspace=workspace).aggregate(Max("number"))["number__max"] or 0
        policy = PolicyVersion.objects.create(
            workspace=workspace,
            number=highest + 1,
            rules=list(rules),
            note=note,
            published_by_id=actor.principal_id,
        )
        audit.record(
            action="policy.published",
            actor=actor,
            workspace_id=workspace.id,
            subject=policy,
            data={"version": policy.number},
        )
    return policy
