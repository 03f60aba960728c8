"""Provider accounts: a secret goes in and never comes out again but to the executor."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.channels import registry as channels
from execution.engine import warm_up
from execution.models import AccountState, Limit, ProviderAccount
from execution.providers import registry as providers
from execution.services.alerts import raise_alert
from execution.services.credentials import encrypt
from workspaces import audit
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import InvalidInput, NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import PrincipalKind, Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

WARM_UP = ("warm_up_started_on", "warm_up_first_day", "warm_up_growth_percent", "warm_up_target")
_SOON = timedelta(days=365)
FIELDS = (
    "name",
    "channel",
    "provider",
    "host",
    "port",
    "username",
    "security",
    "from_email",
    "from_name",
    "options",
    "max_connections",
    "is_default",
    "per_second",
    *WARM_UP,
)


def save_account(
    *,
    workspace: Workspace,
    actor: Actor,
    account_id: UUID | str | None = None,
    secret: str | None = None,
    **fields: Any,
) -> ProviderAccount:
    """Make or change an account. `secret` None leaves it as it is. What is approved under another host, user or
    sender goes back to its gate.

    Raises InvalidInput naming the field, NotFound, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    problems = dict.fromkeys(set(fields) - set(FIELDS), "Not a part of an account.")
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        account = ProviderAccount(workspace=workspace) if account_id is None else _locked(workspace, account_id)
        for field, value in fields.items():
            setattr(account, field, value)
        if secret is not None:
            account.secret = encrypt(secret)
        problems.update(_problems(account=account))
        if problems:
            raise InvalidInput("The account cannot be saved like this.", fields=problems)
        if account.is_default:
            others = ProviderAccount.objects.filter(workspace=workspace, channel=account.channel, is_default=True)
            others.exclude(pk=account.pk).update(is_default=False)
        account.save()
        _keep_warm_up(account=account)
        if {"per_second", *WARM_UP} & set(fields):
            queue.wake_held(workspace_id=workspace.id)
        audit.record(
            action="account.saved",
            actor=actor,
            workspace_id=workspace.id,
            subject=account,
            data={"account": account.name, "fields": ", ".join(sorted(fields)), "secret": secret is not None},
        )
    return account


def stop_account(*, workspace: Workspace, actor: Actor, account_id: UUID | str, reason: str) -> ProviderAccount:
    """Stop using an account; what it would have sent waits. The machine may, a person resumes."""
    actor.require(Permission.HOLD, workspace_id=workspace.id)
    return _set_state(
        workspace=workspace, actor=actor, account_id=account_id, state=AccountState.STOPPED, reason=reason
    )


def resume_account(*, workspace: Workspace, actor: Actor, account_id: UUID | str) -> ProviderAccount:
    """Use it again. Only a person can."""
    if actor.kind != PrincipalKind.PERSON:
        raise NotPermitted("Only a person resumes an account.")
    actor.require(Permission.RELEASE, workspace_id=workspace.id)
    return _set_state(workspace=workspace, actor=actor, account_id=account_id, state=AccountState.ACTIVE, reason="")


def _set_state(
    *, workspace: Workspace, actor: Actor, account_id: UUID | str, state: AccountState, reason: str
) -> ProviderAccount:
    stopped = state == AccountState.STOPPED
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        account = _locked(workspace, account_id)
        account.state, account.stopped_reason = state, reason[:300]
        if not stopped:
            account.resumed_at = database_now()
        account.save(update_fields=["state", "stopped_reason", "resumed_at"])
        audit.record(
            action="account.stopped" if stopped else "account.resumed",
            actor=actor,
            workspace_id=workspace.id,
            subject=account,
            data={"account": account.name},
        )
        if stopped:
            raise_alert(
                workspace_id=workspace.id,
                kind="account_stopped",
                severity="critical" if actor.kind == PrincipalKind.SYSTEM else "warning",
                fingerprint=f"account:{account.pk}",
                title=f"The account {account.name} was stopped",
                detail=account.stopped_reason,
            )
        else:
            queue.wake_held(workspace_id=workspace.id)
    return account


def _keep_warm_up(*, account: ProviderAccount) -> None:
    """The limit that counts an account's warm-up is there as long as it has one."""
    name = warm_up.name_of(account.pk)
    if account.warm_up_started_on is None:
        Limit.objects.filter(workspace=account.workspace, name=name).delete()
        return
    Limit.objects.get_or_create(
        workspace=account.workspace,
        name=name,
        defaults={"scope": name, "count": account.warm_up_first_day, "period_seconds": warm_up.PERIOD.total_seconds()},
    )


def _locked(workspace: Workspace, account_id: UUID | str) -> ProviderAccount:
    account = ProviderAccount.objects.select_for_update().filter(workspace=workspace, pk=account_id).first()
    if account is None:
        raise NotFound("There is no such account in this workspace.")
    return account


def _problems(*, account: ProviderAccount) -> dict[str, str]:
    problems: dict[str, str] = {}
    if account.channel not in channels.names():
        problems["channel"] = "There is no such channel."
    try:
        if account.channel not in providers.get(account.provider).channels:
            problems["provider"] = f"{account.provider} does not serve this channel."
    except InvalidInput as error:
        problems.update(error.fields)
    try:
        account.full_clean(exclude=["workspace"], validate_unique=True)
    except ValidationError as error:
        problems.update({field: " ".join(texts) for field, texts in error.message_dict.items()})
    target, started = account.warm_up_target, account.warm_up_started_on
    if not problems and started is not None and started > (database_now() + _SOON).date():
        problems["warm_up_started_on"] = "Within a year from now."
    if not problems and target is not None and target <= account.warm_up_first_day:
        problems["warm_up_target"] = "More than on the first day; or leave it empty."
    return problems
