"""What an answer means for the account besides the request: it cannot be used as it is, or not before a time."""

from datetime import timedelta

from django.db import transaction

from execution.models import AccountState, ProviderAccount
from execution.services.accounts import stop_account
from execution.services.alerts import raise_alert
from execution.services.holds import set_hold
from workspaces.actors import Actor, system_actor
from workspaces.clock import database_now
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace


def account_broken(*, workspace: Workspace, account: ProviderAccount | None, detail: str) -> None:
    """Stop an account after an answer that the next request would meet too; a person resumes it. Inside the scope.

    The installation's default account is no row: it is held for this workspace.
    """
    actor: Actor = system_actor("executor")
    reason = f"The provider refused the account: {detail}"
    with transaction.atomic():
        if account is not None:
            if ProviderAccount.objects.filter(pk=account.pk, state=AccountState.ACTIVE).exists():
                stop_account(workspace=workspace, actor=actor, account_id=account.pk, reason=reason)
            return
        set_hold(scope="account:default", reason=reason[:300], actor=actor, workspace=workspace)
        raise_alert(
            workspace_id=workspace.id,
            kind="account_stopped",
            fingerprint="account:default",
            title="The installation's default account was stopped here",
            detail=reason,
        )


def account_throttled(*, workspace: Workspace, account: ProviderAccount, seconds: float) -> None:
    """Let nothing through an account for `seconds` from now on, since its service asked for that; a longer pause that
    it had asked for stands. Inside the scope.
    """
    with transaction.atomic(), guard_change(workspace=workspace):
        row = ProviderAccount.objects.select_for_update().get(pk=account.pk)
        until = database_now() + timedelta(seconds=seconds)
        if row.throttled_until is None or row.throttled_until < until:
            row.throttled_until = until
            row.save(update_fields=["throttled_until"])
