"""The claim: which due requests a lane takes next, locked until the end of its transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from execution.channels import registry
from execution.models import ExecutionRequest, ProviderAccount
from execution.states import Status
from workspaces.clock import DatabaseNow
from workspaces.models import Mode, Workspace
from workspaces.prepared import Prepared

WAITS_FOR_A_BELL = ("auto_execution_off",)


def _workspaces_with(when: Q) -> "QuerySet[Workspace, UUID]":
    due = ExecutionRequest.objects.filter(when, workspace=OuterRef("pk"), status=Status.APPROVED)
    return Workspace.objects.filter(Exists(due)).order_by().values_list("pk", flat=True)


_DUE = Prepared(lambda: _workspaces_with(Q(due_at__lte=DatabaseNow())))
_DUE_MANUALLY = Prepared(lambda: _workspaces_with(Q(due_at__lte=DatabaseNow()) | Q(wait_reason__in=WAITS_FOR_A_BELL)))


def due_workspaces(*, manual: bool) -> list[UUID]:
    """The workspaces in which something is due, in no order. One look at the claim's index for each."""
    return (_DUE_MANUALLY if manual else _DUE).rows()


def claim(
    *,
    workspace_id: UUID,
    manual: bool,
    at_most: int,
    only: Sequence[UUID] | None,
    now: datetime,
    accounts: Mapping[UUID, ProviderAccount],
    may_use: Callable[[ProviderAccount], bool],
) -> tuple[list[UUID], list[ProviderAccount]]:
    """Lock due rows of one kind: those that share channel, account and mode with the first in line that may go.

    may_use: whether this lane has a connection to an account, or may open one. Returns the rows' ids, and the accounts
    that it may not use though something is due there; whoever may will see those rows again after the commit.
    """
    crowded: dict[UUID, ProviderAccount] = {}
    while True:
        if only is not None:
            rows = _claimable(workspace_id=workspace_id, when=Q(id__in=only), but=crowded)
            found = list(rows[:at_most])
        elif crowded:
            rows = _claimable(workspace_id=workspace_id, when=_is_due(manual=manual, now=now), but=crowded)
            found = list(rows[:at_most])
        else:
            found = _due(manual=manual, at_most=at_most).rows(workspace_id=workspace_id, now=now)
        if not found:
            return [], list(crowded.values())
        for kind in dict.fromkeys(row[1:] for row in found):
            channel, account_id, mode = kind
            account = accounts.get(account_id)
            if account is not None and mode != Mode.DRY_RUN and account_id not in crowded and not may_use(account):
                crowded[account_id] = account
            if account_id not in crowded or mode == Mode.DRY_RUN:
                size = min(at_most, registry.get(channel).chunk_size) if channel in registry.names() else 1
                return [row[0] for row in found if row[1:] == kind][:size], list(crowded.values())


def _is_due(*, manual: bool, now: datetime) -> Q:
    due = Q(due_at__lte=now)
    return due | Q(wait_reason__in=WAITS_FOR_A_BELL) if manual else due


def _claimable(*, workspace_id: UUID, when: Q, but: Collection[UUID] = ()) -> "QuerySet[ExecutionRequest, Any]":
    skip = connection.features.has_select_for_update_skip_locked
    rows = ExecutionRequest.objects.filter(when, workspace_id=workspace_id, status=Status.APPROVED)
    if but:
        rows = rows.exclude(~Q(mode=Mode.DRY_RUN), account_id__in=but)
    rows = rows.select_for_update(skip_locked=skip, of=("self",)).order_by("-priority", "due_at", "id")
    return rows.values_list("id", "channel", "account_id", "mode")


@cache
def _due(*, manual: bool, at_most: int) -> Prepared:
    def build(workspace_id: UUID, now: datetime) -> "QuerySet[ExecutionRequest, Any]":
        return _claimable(workspace_id=workspace_id, when=_is_due(manual=manual, now=now))[:at_most]

    return Prepared(build, workspace_id=UUID, now=datetime)
