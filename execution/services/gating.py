"""From a verdict to gates: what happens to requests whose policies have just been evaluated."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest

from execution import queue
from execution.models import GateDefinition, GateState, RequestGate
from execution.policies import Outcome, PolicyVerdict
from execution.states import Status
from execution.transitions import move
from workspaces.actors import Actor
from workspaces.bulk import insert_objects
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.settings_store import UNDO_PREFIX, effective_settings

# A gate that a policy names and nobody defined: the strictest reading, an administrator and one day.
_UNDEFINED = {"quorum": 1, "answer_within_seconds": 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request at some revision, and what the policies say of it."""

    request_id: UUID
    revision: int
    channel: str
    verdict: PolicyVerdict


def settle_verdicts(
    *,
    workspace: Workspace,
    judged: Sequence[Judged],
    gates: dict[str, GateDefinition],
    policy_number: int,
    actor: Actor,
    correlation: UUID,
) -> None:
    """Move requests from proposed to where the verdict sends each: refused, to its gates, or approved.

    Inside the caller's transaction and the workspace's scope.
    """
    groups: dict[tuple[Any, ...], list[Judged]] = defaultdict(list)
    for one in judged:
        verdict = one.verdict
        groups[(verdict.outcome, verdict.matched, verdict.reasons, one.channel)].append(one)
    now = database_now()
    for (outcome, matched, reasons, channel), members in groups.items():
        ids = [one.request_id for one in members]
        data = {"policy": policy_number, "rule": ", ".join(matched), "reason": " ".join(reasons)}
        if outcome == Outcome.REFUSE:
            move(
                workspace_id=workspace.id,
                ids=ids,
                to=Status.REFUSED,
                action="request.refused",
                actor=actor,
                values={"settled_at": now, "last_error": " ".join(reasons)},
                data=data,
                correlation=correlation,
            )
        elif outcome == Outcome.RUN_ALONE:
            release(
                workspace=workspace,
                ids=ids,
                channel=channel,
                action="request.ran_alone",
                actor=actor,
                data=data,
                correlation=correlation,
                now=now,
                values={"runs_alone": True},
            )
        else:
            move(
                workspace_id=workspace.id,
                ids=ids,
                to=Status.PENDING,
                action="request.gated",
                actor=actor,
                values={"runs_alone": False},
                data=data,
                correlation=correlation,
            )
            open_gates(workspace=workspace, judged=members, gates=gates, now=now)


def release(
    *,
    workspace: Workspace,
    ids: Sequence[UUID],
    channel: str,
    action: str,
    actor: Actor,
    data: dict[str, Any],
    correlation: UUID,
    now: datetime,
    values: dict[str, Any] | None = None,
) -> None:
    """Approve requests of one channel: due at once, at their time, or after the undo window; and ring the bell."""
    key = UNDO_PREFIX + channel
    undo_seconds = effective_settings(workspace=workspace, keys=[key])[key]
    undo_until = now + timedelta(seconds=undo_seconds) if undo_seconds else None
    move(
        workspace_id=workspace.id,
        ids=ids,
        to=Status.APPROVED,
        action=action,
        actor=actor,
        values={
            "approved_at": now,
            "due_at": Greatest(Coalesce(F("scheduled_for"), Value(now)), Value(undo_until or now)),
            "undo_until": undo_until,
            "wait_reason": "undo_window" if undo_until else "",
            **(values or {}),
        },
        data=data,
        correlation=correlation,
    )
    queue.ring()


def open_gates(
    *, workspace: Workspace, judged: Iterable[Judged], gates: dict[str, GateDefinition], now: datetime
) -> None:
    """Open the gates a verdict names, for the revision judged."""
    rows = []
    for one in judged:
        for name in one.verdict.gates:
            definition = gates.get(name)
            within = definition.answer_within_seconds if definition else _UNDEFINED["answer_within_seconds"]
            rows.append(
                RequestGate(
                    workspace=workspace,
                    request_id=one.request_id,
                    revision=one.revision,
                    name=name,
                    needed=definition.quorum if definition else _UNDEFINED["quorum"],
                    opened_at=now,
                    deadline=now + timedelta(seconds=within),
                )
            )
    insert_objects(rows)


def close_gates(
    *,
    workspace_id: UUID,
    ids: Sequence[UUID],
    state: GateState,
    now: datetime,
    also_passed: bool = False,
    names: Sequence[str] | None = None,
) -> None:
    """Close what is open (and, where an approval falls, what had passed) of requests that moved on; only the gates
    in `names`, where given.
    """
    states = [GateState.OPEN, GateState.PASSED] if also_passed else [GateState.OPEN]
    rows = RequestGate.objects.filter(workspace_id=workspace_id, request_id__among=ids, state__in=states)
    if names is not None:
        rows = rows.filter(name__in=names)
    rows.update(state=state, closed_at=now)
