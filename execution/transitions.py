"""The one function that moves requests from state to state, for one row or a chunk."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Expression

from execution.errors import InvalidTransition
from execution.models import ExecutionRequest
from execution.signals import request_settled
from execution.states import SETTLED, Status, sources_of
from workspaces.actors import Actor
from workspaces.audit.record import Entry, record_many


def move(
    *,
    workspace_id: UUID,
    ids: Sequence[UUID],
    to: Status,
    action: str,
    actor: Actor,
    only_from: Iterable[Status] | None = None,
    values: Mapping[str, Any | Expression] | None = None,
    conditions: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    correlation: UUID | None = None,
    strict: bool = True,
) -> list[UUID]:
    """Move requests of one workspace to `to`, with one audit entry for all of them. Returns the ids that moved.

    The move is a compare-and-set under the row's lock: a row moves only from a state the table allows (narrowed by
    `only_from`) and where `conditions` hold, such as the chunk a worker believes it owns. `values` are further
    columns, the same for every row.

    Raises InvalidTransition, and with it rolls everything back, where `strict` and a row did not move.
    Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A transition is made in a transaction; open one.")
    if not ids:
        return []
    sources = sources_of(to) if only_from is None else sources_of(to) & frozenset(only_from)
    rows = ExecutionRequest.objects.filter(
        workspace_id=workspace_id, id__among=ids, status__in=sources, **(conditions or {})
    )
    columns: dict[str, Any] = {"status": to, **(values or {})}
    if to != Status.APPROVED:
        columns.setdefault("wait_reason", "")
    if strict:
        # All or nothing, so the count tells; on a miss the caller's transaction is rolled back.
        moved = list(ids)
        if rows.update(**columns) != len(moved):
            raise _stuck(workspace_id=workspace_id, ids=ids, to=to)
    else:
        # In id order: two chunks that overlap would otherwise wait for each other in a ring.
        moved = list(rows.select_for_update().order_by("id").values_list("id", flat=True))
        if not moved:
            return []
        ExecutionRequest.objects.filter(workspace_id=workspace_id, id__among=moved).update(**columns)
    record_many(
        actor=actor,
        entries=[entry_for(action=action, workspace_id=workspace_id, ids=moved, data=data)],
        correlation=correlation,
    )
    if to in SETTLED:
        announce_settled(workspace_id=workspace_id, ids=moved, status=to)
    return moved


def _stuck(*, workspace_id: UUID, ids: Sequence[UUID], to: Status) -> InvalidTransition:
    states = dict(ExecutionRequest.objects.filter(workspace_id=workspace_id, id__in=ids).values_list("id", "status"))
    # Those that moved before the miss was noticed stand in `to` already, and will be rolled back.
    stuck = [i for i in ids if states.get(i) != to] or list(ids)
    return InvalidTransition(ids=stuck, to=to, now=states.get(stuck[0], ""))


def entry_for(*, action: str, workspace_id: UUID, ids: Sequence[UUID], data: Mapping[str, Any] | None) -> Entry:
    """One audit entry about one request (as its subject) or a chunk (as its list)."""
    one = len(ids) == 1
    return Entry(
        action=action,
        workspace_id=workspace_id,
        subject_type="execution.executionrequest",
        subject_id=ids[0] if one else None,
        subjects=() if one else ids,
        data=dict(data or {}),
    )


def announce_settled(*, workspace_id: UUID, ids: Sequence[UUID], status: Status) -> None:
    """Tell the apps above, after the commit."""
    transaction.on_commit(
        lambda: request_settled.send_robust(
            sender=ExecutionRequest, workspace_id=workspace_id, request_ids=list(ids), status=status
        ),
        robust=True,
    )
