"""The limits of a workspace."""

from uuid import UUID

from django.db import transaction

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.channels import registry
from execution.models import Limit, ProviderAccount
from execution.selectors.limits import limits_of
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput, NotFound
from workspaces.guard_lock import guard_change
from workspaces.models import PrincipalKind, Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

DAY = 86_400
PLAIN_SCOPES = ("workspace", "tasks", "seo_bulk", "contact", "domain")
# What an account waits for by itself: engine/pace.py, engine/warm_up.py.
RESERVED = ("pace", "warm_up")
# name -> (scope, count, seconds)
DEFAULTS = {
    "task_executor": ("tasks", 720, DAY),
    "email_send": ("channel:email", 50, DAY),
    "social_publish": ("channel:social", 20, DAY),
    "newsletter_send": ("channel:newsletter", 1, DAY),
    "seo_bulk_apply": ("seo_bulk", 5, DAY),
}


def create_default_limits(*, workspace: Workspace) -> None:
    """The limits every workspace starts with. In the transaction that makes the workspace."""
    with workspace_scope(workspace):
        Limit.objects.bulk_create(
            [
                Limit(workspace=workspace, name=name, scope=scope, count=count, period_seconds=seconds)
                for name, (scope, count, seconds) in DEFAULTS.items()
            ]
        )


def set_limit(
    *,
    workspace: Workspace,
    actor: Actor,
    name: str,
    count: int,
    period_seconds: int | None = None,
    scope: str | None = None,
) -> Limit:
    """Set a limit, or make a new one (which needs its scope and period). What waited for room is looked at again.

    scope: workspace, channel:NAME, account:ID, contact or domain (one count each), tasks, seo_bulk.
    Raises InvalidInput naming the field, NotPermitted.
    """
    if actor.kind != PrincipalKind.SYSTEM:
        actor.require(Permission.MANAGE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        limit = Limit.objects.select_for_update().filter(workspace=workspace, name=name).first()
        was = f"{limit.count} in {limit.period_seconds} s" if limit else None
        limit = limit or Limit(workspace=workspace, name=name, scope="", period_seconds=0)
        limit.count = count
        limit.scope = limit.scope if scope is None else scope
        limit.period_seconds = limit.period_seconds if period_seconds is None else period_seconds
        problems = _problems(workspace=workspace, limit=limit)
        if problems:
            raise InvalidInput("The limit cannot be saved like this.", fields=problems)
        limit.save()
        audit.record(
            action="limit.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=limit,
            data={"limit": name, "was": was, "now": f"{limit.count} in {limit.period_seconds} s"},
        )
        queue.wake_held(workspace_id=workspace.id)
    return limit


def delete_limit(*, workspace: Workspace, actor: Actor, name: str) -> None:
    """Do away with a limit. Raises NotFound, NotPermitted."""
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        limit = limits_of(workspace=workspace).filter(name=name).first()
        if limit is None:
            raise NotFound(f"There is no limit {name}.")
        audit.record(
            action="limit.deleted", actor=actor, workspace_id=workspace.id, subject=limit, data={"limit": name}
        )
        limit.delete()
        queue.wake_held(workspace_id=workspace.id)


def _problems(*, workspace: Workspace, limit: Limit) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not limit.name or not limit.name.replace("_", "").replace("-", "").isalnum() or len(limit.name) > 60:
        problems["name"] = "Letters, digits and underscores, such as email_send."
    if limit.name in RESERVED:
        problems["name"] = "Accounts wait under this name for their own pace and warm-up. Choose another."
    for field, low in (("count", 0), ("period_seconds", 1)):
        value = getattr(limit, field)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= 2_147_483_647:
            problems[field] = f"A whole number, {low} at least."
    word, _, key = limit.scope.partition(":")
    if word == "channel" and key in registry.names():
        return problems
    if word == "account" and _is_account(workspace=workspace, key=key):
        return problems
    if limit.scope not in PLAIN_SCOPES:
        problems["scope"] = f"One of {', '.join(PLAIN_SCOPES)}, channel:NAME or account:ID."
    return problems


def _is_account(*, workspace: Workspace, key: str) -> bool:
    try:
        account_id = UUID(key)
    except ValueError:
        return False
    return bool(ProviderAccount.objects.filter(workspace=workspace, pk=account_id).exists())
