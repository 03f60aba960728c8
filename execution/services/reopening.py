"""Back to the gate: an approval that no longer holds, because of what changed or because somebody took it back."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.channels import registry
from execution.models import Decision, ExecutionRequest, GateDefinition, GateState, Part, Revision, Verdict
from execution.policies import Outcome, PolicyVerdict
from execution.services.alerts import tell_seal_broken
from execution.services.diff import NOT_KEPT, document_diff, hash_diff
from execution.services.freeze import Frozen, freeze
from execution.services.gating import Judged, close_gates, open_gates
from execution.services.intake import ground_of
from execution.services.parts import mend_parts, stored_contents
from execution.services.propose import revision_row
from execution.states import Status
from execution.transitions import move
from workspaces.actors import Actor, system_actor
from workspaces.canonical import sha256_hex
from workspaces.errors import CountersignError
from workspaces.models import Workspace

_NO_APPROVAL = {"approved_at": None, "due_at": None, "undo_until": None}


def reopen(
    *,
    workspace: Workspace,
    requests: Sequence[ExecutionRequest],
    actor: Actor,
    reason: str,
    now: datetime,
    gates: Sequence[str] | None = None,
    action: str = "request.gate_reopened",
) -> list[UUID]:
    """Send approved requests back to their gates, at the same revision: `gates`, or those they had passed.

    Other gates stay passed, or two gates would open each other in turn. What ran alone goes to its channel's default
    gate. In the caller's transaction and scope.
    """
    definitions = {d.name: d for d in GateDefinition.objects.filter(workspace=workspace)}
    ids = [request.id for request in requests]
    passed: dict[UUID, list[str]] = {}
    for request_id, name in (
        Decision.objects.filter(request_id__in=ids, verdict=Verdict.APPROVE, gate__state=GateState.PASSED)
        .values_list("request_id", "gate__name")
        .distinct()
    ):
        passed.setdefault(request_id, []).append(name)
    moved = move(
        workspace_id=workspace.id,
        ids=ids,
        to=Status.PENDING,
        action=action,
        actor=actor,
        only_from=[Status.APPROVED],
        values={**_NO_APPROVAL, "runs_alone": False},
        data={"reason": reason},
        strict=False,
    )
    close_gates(
        workspace_id=workspace.id,
        ids=moved,
        state=GateState.SUPERSEDED,
        now=now,
        also_passed=True,
        names=gates or None,
    )
    judged = [
        Judged(
            request_id=request.id,
            revision=request.revision,
            channel=request.channel,
            verdict=PolicyVerdict(
                outcome=Outcome.GATES,
                gates=tuple(gates or passed.get(request.id) or [registry.get(request.channel).default_gate]),
            ),
        )
        for request in requests
        if request.id in set(moved)
    ]
    open_gates(workspace=workspace, judged=judged, gates=definitions, now=now)
    return moved


def drifted(*, workspace: Workspace, request: ExecutionRequest, now: datetime) -> None:
    """Something sealed changed after the approval: freeze what stands there now as a new revision, show the
    difference, alert, and ask a person again. In the caller's transaction and scope.
    """
    actor = system_actor("seal")
    approved = (
        Decision.objects.filter(request=request, revision=request.revision, verdict=Verdict.APPROVE)
        .order_by("-at")
        .first()
    )
    try:
        frozen = _as_it_stands(workspace=workspace, request=request)
        changes = _what_changed(request=request, approved=approved, frozen=frozen)
    except (ValueError, KeyError, TypeError, AttributeError, CountersignError):
        _destroyed(workspace=workspace, request=request, actor=actor, now=now)
        return
    fields = ", ".join(sorted({c["field"] for c in changes})) or "the frozen bytes"
    # Not the column's word: it may be what was changed.
    number = (Revision.objects.filter(request=request).aggregate(Max("number"))["number__max"] or 0) + 1
    revision = revision_row(
        workspace=workspace,
        request_id=request.id,
        number=number,
        frozen=frozen,
        author_id=actor.principal_id,
        note=f"Changed outside Countersign: {fields}."[:300],
    )
    revision.drift = json.loads(json.dumps(changes, default=str))
    revision.save(force_insert=True)
    mend_parts(workspace=workspace, parts=frozen.parts, documents={request.id: frozen.document})
    gates = list(
        Decision.objects.filter(request=request, gate__state=GateState.PASSED)
        .order_by("gate__name")
        .values_list("gate__name", flat=True)
        .distinct()
    ) or [registry.get(request.channel).default_gate]
    close_gates(workspace_id=workspace.id, ids=[request.id], state=GateState.SUPERSEDED, now=now, also_passed=True)
    sender = frozen.document["sender"]
    move(
        workspace_id=workspace.id,
        ids=[request.id],
        to=Status.PENDING,
        action="request.drifted",
        actor=actor,
        only_from=[Status.APPROVED],
        values={
            **_NO_APPROVAL,
            "current": revision,
            "revision": number,
            "digest": frozen.digest,
            "mode": frozen.document["mode"],
            "account_id": UUID(sender["account"]) if sender and sender["account"] else None,
            "runs_alone": False,
        },
        data={"fields": fields, "revision": number, "digest": frozen.digest},
    )
    judged = Judged(
        request_id=request.id,
        revision=number,
        channel=request.channel,
        verdict=PolicyVerdict(outcome=Outcome.GATES, gates=tuple(gates)),
    )
    definitions = {d.name: d for d in GateDefinition.objects.filter(workspace=workspace)}
    open_gates(workspace=workspace, judged=[judged], gates=definitions, now=now)
    tell_seal_broken(
        workspace_id=workspace.id,
        request_id=request.id,
        title="An approved request was changed after its approval",
        detail=f"Nothing was sent. It waits at {', '.join(gates)} again. Changed: {fields}.",
    )


def _as_it_stands(*, workspace: Workspace, request: ExecutionRequest) -> Frozen:
    """Freeze the request from what the columns and the document say now. Raises where they say nothing sound."""
    if not isinstance(request.document, dict) or not isinstance(request.document.get("payload"), dict):
        raise ValueError("This is no frozen document.")
    ground = ground_of(workspace)
    spec = registry.get(request.channel)
    kept = stored_contents(workspace=workspace, payload=request.payload)
    payload = spec.validate(request.payload, known_content=kept.keys())
    _, sender = ground.sender(channel=request.channel, account_id=request.account_id)
    return freeze(
        workspace=workspace,
        request_id=request.id,
        spec=spec,
        payload=payload,
        to=request.to,
        contact_id=request.contact_id,
        sender=sender,
        mode=ground.mode,
        scheduled_for=request.scheduled_for,
        expires_at=request.expires_at,
        new_address=bool(request.document.get("new_address")),
        known_parts=kept,
    )


def _what_changed(*, request: ExecutionRequest, approved: Decision | None, frozen: Frozen) -> list[dict[str, Any]]:
    """What differs from what was approved: in the columns, in the frozen text, in the digests, in the bytes."""
    current = request.current
    assert current is not None  # or there would be nothing frozen
    document = current.as_dict()
    changes = document_diff(before=document, after=frozen.document)
    columns = {"channel": request.channel, "mode": request.mode, "to": request.to}
    changes += [
        {"field": n, "was": document.get(n), "now": now} for n, now in columns.items() if document.get(n) != now
    ]
    if current.digest != request.digest:
        changes.append({"field": "digest", "was": approved.digest if approved else NOT_KEPT, "now": request.digest})
    sealed = approved.field_hashes if approved else current.field_hashes
    changes += hash_diff(sealed=sealed, now_hashes=frozen.field_hashes, now=frozen.document)
    wire = Part.objects.filter(workspace_id=request.workspace_id, sha256__in=document["wire"])
    for sha256, content in wire.values_list("sha256", "content"):
        if sha256_hex(bytes(content)) != sha256:
            changes.append({"field": "wire", "was": sha256, "now": sha256_hex(bytes(content))})
    # Told once, by the first of these to see it: they begin with those that know both sides.
    told = {change["field"]: change for change in reversed(changes)}
    return [told[field] for field in sorted(told)]


def _destroyed(*, workspace: Workspace, request: ExecutionRequest, actor: Actor, now: datetime) -> None:
    close_gates(workspace_id=workspace.id, ids=[request.id], state=GateState.CLOSED, now=now, also_passed=True)
    why = "Its frozen text was changed behind Countersign and can no longer be read. Propose it anew."
    move(
        workspace_id=workspace.id,
        ids=[request.id],
        to=Status.CANCELLED,
        action="request.cancelled",
        actor=actor,
        only_from=[Status.APPROVED],
        values={"settled_at": now, "last_error": why},
        data={"reason": "its frozen text was changed and cannot be read"},
    )
    tell_seal_broken(
        workspace_id=workspace.id,
        request_id=request.id,
        title="An approved request was destroyed after its approval",
        detail=why,
    )
