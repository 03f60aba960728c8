"""The automatic stop: where too many of the last calls definitely failed, the machine sets a hold and a person looks.

Counted exactly, from the attempts on record: of an account, of a plan, and of a channel where several accounts fail.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from execution.models import Attempt, AttemptState, Hold, HoldScope, ProviderAccount
from execution.services.alerts import raise_alert
from execution.services.holds import set_hold
from workspaces.actors import system_actor
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.settings_store import effective_settings

# Throttling is no failure, and a refused account is stopped at once (failures.py).
COUNTED = ("transient", "permanent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that definitely failed: through which account (None: the installation's default), of which plan."""

    channel: str
    account_id: UUID | None
    plan_id: UUID | None


def stop_bursts(*, workspace: Workspace, failed: Collection[Call]) -> list[Hold]:
    """Hold what these failures belong to where they are too many of its last calls. After their commit, in the scope.

    The account, else the plan, else the channel: what is held already by one of them is not held again by another.
    """
    values = effective_settings(
        workspace=workspace, keys=["error_burst_failures", "error_burst_calls", "error_burst_minutes"]
    )
    if not failed or not values["error_burst_failures"]:
        return []
    held: list[Hold] = []
    for channel, account_id in sorted({(c.channel, c.account_id) for c in failed}, key=str):
        hold = _look(
            workspace=workspace,
            scope=HoldScope.ACCOUNT,
            key=str(account_id) if account_id else "default",
            of={"request__account_id": account_id} if account_id else _default_account(channel),
            values=values,
            not_before=_resumed_at(account_id),
        )
        if hold:
            return [*held, hold]
    for plan_id in sorted({c.plan_id for c in failed if c.plan_id}):
        of = {"request__plan_id": plan_id}
        hold = _look(workspace=workspace, scope=HoldScope.PLAN, key=str(plan_id), of=of, values=values)
        held += [hold] if hold else []
    for channel in sorted({c.channel for c in failed}):
        hold = _look(
            workspace=workspace,
            scope=HoldScope.CHANNEL,
            key=channel,
            of={"request__channel": channel},
            values=values,
            accounts_at_least=2,
        )
        held += [hold] if hold else []
    return held


def _look(
    *,
    workspace: Workspace,
    scope: HoldScope,
    key: str,
    of: Mapping[str, Any],
    values: Mapping[str, Any],
    not_before: datetime | None = None,
    accounts_at_least: int = 1,
) -> Hold | None:
    """Hold this one if its last calls say so. What a person let go of is counted from then on."""
    since = database_now() - timedelta(minutes=values["error_burst_minutes"])
    holds = Hold.objects.filter(workspace=workspace, scope=scope, key=key)
    if holds.filter(released_at=None).exists():
        return None
    released = holds.order_by("-released_at").values_list("released_at", flat=True).first()
    since = max(filter(None, [since, released, not_before]))
    wrong = list(_failures(workspace=workspace, of=of, since=since)[: values["error_burst_failures"]])
    if len(wrong) < values["error_burst_failures"]:
        return None
    number = _calls_from(min(pk for pk, *_ in wrong), workspace=workspace, of=of, at_most=values["error_burst_calls"])
    if number is None or len({account for _, account, _ in wrong}) < accounts_at_least:
        return None
    reason = f"{len(wrong)} of the last {number} calls failed. The last one: {wrong[0][2]}"
    hold = set_hold(
        scope=f"{scope.value}:{key}", reason=reason[:300], actor=system_actor("executor"), workspace=workspace
    )
    raise_alert(
        workspace_id=workspace.id,
        kind="error_burst",
        fingerprint=f"hold:{hold.pk}",
        title=f"Stopped after too many failures: {_name(scope=scope, key=key)}",
        detail=f"{reason} Nothing more of it goes out until a person releases the hold.",
    )
    return hold


def _failures(*, workspace: Workspace, of: Mapping[str, Any], since: datetime) -> QuerySet[Any, Any]:
    """The calls that definitely failed since then, the last first: id, account, what was wrong."""
    rows = Attempt.objects.filter(
        workspace=workspace, state=AttemptState.FAILED, ended_at__gt=since, error_kind__in=COUNTED, **of
    )
    return rows.order_by("-ended_at", "-id").values_list("id", "request__account_id", "error")


def _calls_from(first: UUID, *, workspace: Workspace, of: Mapping[str, Any], at_most: int) -> int | None:
    """How many calls there were from this one on; None for more than `at_most`. Ids grow with time."""
    ended = [AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.UNCERTAIN]
    rows = Attempt.objects.filter(
        workspace=workspace, id__gte=first, state__in=ended, error_kind__in=["", "ambiguous", *COUNTED], **of
    )
    number = len(rows.order_by("-id").values_list("id", flat=True)[: at_most + 1])
    return number if number <= at_most else None


def _default_account(channel: str) -> dict[str, Any]:
    return {"request__account_id__isnull": True, "request__channel": channel}


def _resumed_at(account_id: UUID | None) -> datetime | None:
    if account_id is None:
        return None
    return ProviderAccount.objects.filter(pk=account_id).values_list("resumed_at", flat=True).first()


def _name(*, scope: HoldScope, key: str) -> str:
    if scope == HoldScope.ACCOUNT:
        if key == "default":
            return "the default account"
        found = ProviderAccount.objects.filter(pk=key).values_list("name", flat=True).first()
        return f"the account {found}"
    return f"the {scope.label.lower()} {key}"
