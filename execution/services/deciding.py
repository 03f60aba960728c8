"""The core of deciding: lock, check and write the decisions on many requests at once. Called by decisions.py alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.errors import SealBroken, StaleApproval
from execution.models import (
    Decision,
    ExecutionRequest,
    GateDefinition,
    GateState,
    RequestGate,
    Revision,
    Verdict,
)
from execution.services.diff import revision_diff
from execution.services.gates import may_open
from execution.services.gating import close_gates, release
from execution.signals import request_decided
from execution.states import Status
from execution.transitions import entry_for, move
from workspaces.actors import Actor
from workspaces.audit.record import record_many
from workspaces.bulk import insert_rows
from workspaces.canonical import digest_of, sha256_hex
from workspaces.clock import database_now
from workspaces.errors import Conflict, CountersignError, NotPermitted
from workspaces.ids import new_id
from workspaces.models import Workspace
from workspaces.services import record_seen
from workspaces.settings_store import get_setting


@dataclass(slots=True, kw_only=True)
class Round:
    """One act of deciding: what was decided, what was already so, what was refused."""

    decided: list[UUID] = field(default_factory=list)
    already: list[UUID] = field(default_factory=list)
    errors: dict[UUID, CountersignError] = field(default_factory=dict)


def decide(
    *,
    workspace: Workspace,
    actor: Actor,
    verdict: Verdict,
    seen: Mapping[UUID, str | None],
    reason: str,
    gate: str | None,
) -> Round:
    """Lock, check and write the decisions on `seen` (request -> digest shown, None for none)."""
    outcome = Round()
    # In id order, so that two batches over the same requests never wait in a ring.
    rows = list(
        ExecutionRequest.objects.select_for_update(of=("self",))
        .select_related("current")
        .only("status", "channel", "revision", "digest", "current__document", "current__field_hashes")
        .filter(workspace=workspace, id__among=list(seen))
        .order_by("id")
    )
    ids = [row.id for row in rows]
    authored = set(
        Revision.objects.filter(request_id__among=ids, author_id=actor.principal_id).values_list(
            "request_id", flat=True
        )
    )
    sole = bool(authored) and bool(get_setting(key="sole_operator", workspace=workspace))
    waiting: dict[UUID, list[RequestGate]] = defaultdict(list)
    open_gates = RequestGate.objects.filter(request_id__among=ids, state=GateState.OPEN)
    for row_gate in open_gates.only("request_id", "name", "needed"):
        waiting[row_gate.request_id].append(row_gate)
    mine = {
        (d.request_id, d.revision, d.gate_id): d.verdict
        for d in Decision.objects.filter(request_id__among=ids, principal_id=actor.principal_id)
    }
    definitions = {d.name: d for d in GateDefinition.objects.filter(workspace=workspace)}
    now, correlation = database_now(), new_id()
    decisions: list[dict[str, Any]] = []
    for row in rows:
        try:
            gates = _gates_to_decide(
                row=row,
                shown=seen[row.id],
                gates=waiting[row.id],
                wanted=gate,
                verdict=verdict,
                actor=actor,
                mine=mine,
                definitions=definitions,
                is_author=row.id in authored,
                sole=sole,
            )
        except CountersignError as error:
            outcome.errors[row.id] = error
            continue
        if not gates:
            outcome.already.append(row.id)
            continue
        assert row.current is not None
        decisions += [
            {
                "id": new_id(),
                "workspace_id": workspace.id,
                "request_id": row.id,
                "gate_id": row_gate.id,
                "revision": row.revision,
                "verdict": str(verdict),
                "digest": row.digest,
                "field_hashes": row.current.field_hashes,
                "principal_id": actor.principal_id,
                "reason": reason,
                "via": actor.via,
                "compared": seen[row.id] is not None,
                "sole_operator": row.id in authored,
                "at": now,
            }
            for row_gate in gates
        ]
        outcome.decided.append(row.id)
    insert_rows(Decision, rows=decisions)
    by_id = {row.id: row for row in rows}
    decided = [by_id[i] for i in outcome.decided]
    if verdict == Verdict.APPROVE:
        _pass_gates(
            workspace=workspace,
            actor=actor,
            rows=decided,
            decided_at={one["gate_id"] for one in decisions},
            waiting=waiting,
            now=now,
            correlation=correlation,
        )
    elif decided:
        _turn_down(
            workspace=workspace,
            actor=actor,
            rows=decided,
            verdict=verdict,
            reason=reason,
            now=now,
            correlation=correlation,
        )
    if decided:
        record_seen(workspace_id=workspace.id, principal_id=actor.principal_id)
        transaction.on_commit(
            lambda: request_decided.send_robust(
                sender=ExecutionRequest, workspace_id=workspace.id, request_ids=list(outcome.decided), verdict=verdict
            ),
            robust=True,
        )
    return outcome


def _gates_to_decide(
    *,
    row: ExecutionRequest,
    shown: str | None,
    gates: Sequence[RequestGate],
    wanted: str | None,
    verdict: Verdict,
    actor: Actor,
    mine: Mapping[tuple[UUID, int, UUID], str],
    definitions: Mapping[str, GateDefinition],
    is_author: bool,
    sole: bool,
) -> list[RequestGate]:
    """The gates this decision goes to; none where the same was decided already. Raises what forbids it."""
    earlier = {v for (request_id, revision, _), v in mine.items() if (request_id, revision) == (row.id, row.revision)}
    if row.status != Status.PENDING:
        reached = {Verdict.APPROVE: (Status.APPROVED, Status.DISPATCHING, Status.SUCCEEDED)}
        ended = {Verdict.REJECT: (Status.REJECTED,), Verdict.REQUEST_CHANGES: (Status.NEEDS_CHANGES,)}
        if earlier == {verdict} and row.status in {**reached, **ended}[verdict] and shown in (None, row.digest):
            return []
        raise Conflict(f"This request is {row.get_status_display().lower()} and no longer waits for a decision.")
    if shown is not None and shown != row.digest:
        raise StaleApproval(current_digest=row.digest, diff=_diff_since(row=row, shown=shown))
    if row.current is None or sha256_hex(row.current.document.encode()) != row.digest:
        raise SealBroken("What is stored no longer has the digest it was frozen under. Edit it, or withdraw it.")
    if is_author and not sole:
        raise NotPermitted("You wrote or edited this. Someone else has to approve it.")
    candidates = [g for g in gates if wanted in (None, g.name)]
    if wanted is not None and not candidates:
        raise Conflict(f"The gate {wanted} is not open on this request.")
    allowed = [g for g in candidates if may_open(actor=actor, definition=definitions.get(g.name))]
    if not allowed:
        names = ", ".join(g.name for g in candidates)
        raise NotPermitted(f"Your role does not open {names}. Ask an administrator of this workspace.")
    said = {g.name: mine[key] for g in allowed if (key := (row.id, row.revision, g.id)) in mine}
    if any(earlier_verdict != verdict for earlier_verdict in said.values()):
        names = ", ".join(sorted(said))
        raise Conflict(f"You approved this at {names} already. Withdraw it, or have somebody else turn it down.")
    return [g for g in allowed if g.name not in said]


def _diff_since(*, row: ExecutionRequest, shown: str) -> list[dict[str, Any]]:
    before = Revision.objects.filter(request_id=row.id, digest=shown).first()
    return revision_diff(before=before, after=row.current) if before and row.current else []


def _pass_gates(
    *,
    workspace: Workspace,
    actor: Actor,
    rows: Sequence[ExecutionRequest],
    decided_at: Set[UUID],
    waiting: Mapping[UUID, list[RequestGate]],
    now: datetime,
    correlation: UUID,
) -> None:
    """Close the gates of `decided_at` whose quorum is reached, and approve what has none left."""
    gates = [gate for row in rows for gate in waiting[row.id] if gate.id in decided_at]
    passed = {gate.id for gate in gates if gate.needed == 1}  # by the decision just written
    more = {gate.id: gate.needed for gate in gates if gate.needed != 1}
    votes: dict[UUID, set[UUID]] = defaultdict(set)
    for gate_id, principal_id in Decision.objects.filter(gate_id__among=more, verdict=Verdict.APPROVE).values_list(
        "gate_id", "principal_id"
    ):
        votes[gate_id].add(principal_id)
    passed |= {gate_id for gate_id, needed in more.items() if len(votes[gate_id]) >= needed}
    RequestGate.objects.filter(id__among=passed).update(state=GateState.PASSED, closed_at=now)
    through: dict[str, list[UUID]] = defaultdict(list)
    still: list[UUID] = []
    for row in rows:
        if all(g.id in passed for g in waiting[row.id]):
            through[row.channel].append(row.id)
        else:
            still.append(row.id)
    data = _decision_data(rows=rows)
    for channel, ids in through.items():
        release(
            workspace=workspace,
            ids=ids,
            channel=channel,
            action="request.approved",
            actor=actor,
            data=data,
            correlation=correlation,
            now=now,
        )
    if still:
        names = sorted({g.name for i in still for g in waiting[i] if g.id in decided_at})
        entry = entry_for(
            action="request.gate_passed",
            workspace_id=workspace.id,
            ids=still,
            data={**data, "gate": ", ".join(names)},
        )
        record_many(actor=actor, entries=[entry], correlation=correlation)


def _turn_down(
    *,
    workspace: Workspace,
    actor: Actor,
    rows: Sequence[ExecutionRequest],
    verdict: Verdict,
    reason: str,
    now: datetime,
    correlation: UUID,
) -> None:
    rejected = verdict == Verdict.REJECT
    ids = [row.id for row in rows]
    close_gates(workspace_id=workspace.id, ids=ids, state=GateState.REJECTED if rejected else GateState.CLOSED, now=now)
    move(
        workspace_id=workspace.id,
        ids=ids,
        to=Status.REJECTED if rejected else Status.NEEDS_CHANGES,
        action="request.rejected" if rejected else "request.changes_requested",
        actor=actor,
        values={"settled_at": now, "last_error": reason} if rejected else {"last_error": reason},
        data=_decision_data(rows=rows),
        correlation=correlation,
    )


def _decision_data(*, rows: Sequence[ExecutionRequest]) -> dict[str, Any]:
    """The digests decided on: one, or the digest of the list where a chunk shares the entry."""
    if len(rows) == 1:
        return {"digest": rows[0].digest, "revision": rows[0].revision}
    return {"digests": digest_of([[str(row.id), row.digest] for row in rows])}
