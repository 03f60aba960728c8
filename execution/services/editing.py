"""Editing: every change of what would be done is a new revision, and its gates open again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from contacts.models import Contact
from execution.channels import registry
from execution.channels.base import ChannelSpec
from execution.models import ExecutionRequest, GateState
from execution.policies import evaluate
from execution.services.alerts import tell_seal_broken
from execution.services.facts import approved_templates, derive
from execution.services.freeze import Frozen, freeze
from execution.services.gating import Judged, close_gates, settle_verdicts
from execution.services.intake import Checked, Ground, ground_of, recipients_of
from execution.services.parts import store_parts, stored_contents
from execution.services.propose import revision_row
from execution.states import EDITABLE, Status
from execution.transitions import move
from execution.types import UNSET, Proposal, Unset
from workspaces.actors import Actor
from workspaces.canonical import sha256_hex
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound
from workspaces.ids import new_id
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def edit_request(
    *,
    workspace: Workspace,
    actor: Actor,
    request_id: UUID | str,
    payload: Mapping[str, Any] | Unset = UNSET,
    scheduled_for: datetime | Unset | None = UNSET,
    expires_at: datetime | Unset | None = UNSET,
    note: str = "",
) -> ExecutionRequest:
    """Change the payload or the window. The editor becomes an author and can no longer approve it.

    Attachments may be kept by sending them as they were answered, with sha256 and size.
    Raises InvalidInput naming the field, Conflict once it is being carried out or settled, NotPermitted, NotFound.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        request = lock_request(workspace=workspace, request_id=request_id)
        if request.status not in EDITABLE:
            raise Conflict(f"This request is {request.get_status_display().lower()} and can no longer be edited.")
        _put_back(request=request)
        spec = registry.get(request.channel)
        was = request.document
        kept = stored_contents(workspace=workspace, payload=was["payload"])
        new_payload = (
            was["payload"] if isinstance(payload, Unset) else spec.validate(payload, known_content=kept.keys())
        )
        window = {
            "scheduled_for": request.scheduled_for if isinstance(scheduled_for, Unset) else scheduled_for,
            "expires_at": request.expires_at if isinstance(expires_at, Unset) else expires_at,
        }
        _check_window(**window)
        _revise(
            workspace=workspace,
            actor=actor,
            request=request,
            spec=spec,
            payload=new_payload,
            known_parts=kept,
            note=note,
            **window,
        )
        return ExecutionRequest.objects.select_related("current").get(pk=request.pk)


def reseal(*, workspace: Workspace, actor: Actor, request_id: UUID | str) -> ExecutionRequest:
    """Freeze the same words again under today's mode and account; its gates open again."""
    return edit_request(
        workspace=workspace, actor=actor, request_id=request_id, note="Sealed again under the present mode and account."
    )


def lock_request(*, workspace: Workspace, request_id: UUID | str) -> ExecutionRequest:
    """The request, locked until the transaction ends. Raises NotFound. Inside a transaction and a scope."""
    request = (
        ExecutionRequest.objects.select_for_update(of=("self",))
        .select_related("current", "contact", "account", "plan")
        .filter(workspace=workspace, pk=request_id)
        .first()
    )
    if request is None:
        raise NotFound("There is no such request in this workspace.")
    return request


def _put_back(*, request: ExecutionRequest) -> None:
    """Recipient and times as they were frozen, in memory: an editor vouches for their own change, and not for one that
    somebody made behind Countersign, which raises an alert. Where the frozen text itself was changed, there is nothing
    to go by: what stands there is frozen anew, and shown to whoever decides.
    """
    if request.current is None or sha256_hex(request.current.document.encode()) != request.digest:
        _tell_changed(request=request, what="its frozen text. An edit has frozen what stands there now; read it anew.")
        return
    document, window = request.document, request.document["window"]
    frozen = {
        "to": document["to"],
        "contact_id": UUID(document["contact"]) if document["contact"] else None,
        "scheduled_for": _time(window["scheduled_for"]),
        "expires_at": _time(window["expires_at"]),
    }
    changed = [name for name, value in frozen.items() if getattr(request, name) != value]
    for name in changed:
        setattr(request, name, frozen[name])
    if changed:
        fields = ", ".join(name.removesuffix("_id") for name in changed)
        _tell_changed(request=request, what=f"{fields}. An edit has put it back as it was frozen.")


def _tell_changed(*, request: ExecutionRequest, what: str) -> None:
    tell_seal_broken(
        workspace_id=request.workspace_id,
        request_id=request.id,
        title="A request was changed behind Countersign",
        detail=f"Changed: {what}",
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _revise(
    *,
    workspace: Workspace,
    actor: Actor,
    request: ExecutionRequest,
    spec: ChannelSpec,
    payload: dict[str, Any],
    known_parts: Mapping[str, bytes],
    scheduled_for: datetime | None,
    expires_at: datetime | None,
    note: str,
) -> None:
    ground, correlation, now = ground_of(workspace), new_id(), database_now()
    account_id = request.account_id
    if request.account is not None and request.account.state != "active":
        account_id = None
    account, sender = ground.sender(channel=request.channel, account_id=account_id)
    frozen = freeze(
        workspace=workspace,
        request_id=request.id,
        spec=spec,
        payload=payload,
        to=request.to,
        contact_id=request.contact_id,
        sender=sender,
        mode=ground.mode,
        scheduled_for=scheduled_for,
        expires_at=expires_at,
        new_address=bool(request.document.get("new_address")),
        known_parts=known_parts,
    )
    number = request.revision + 1
    revision = revision_row(
        workspace=workspace,
        request_id=request.id,
        number=number,
        frozen=frozen,
        author_id=actor.principal_id,
        note=note,
    )
    revision.save(force_insert=True)
    store_parts(workspace=workspace, parts=frozen.parts, documents={request.id: frozen.document})
    close_gates(workspace_id=workspace.id, ids=[request.id], state=GateState.SUPERSEDED, now=now, also_passed=True)
    judged, facts = judge(ground=ground, request=request, spec=spec, payload=payload, frozen=frozen, number=number)
    move(
        workspace_id=workspace.id,
        ids=[request.id],
        to=Status.PROPOSED,
        action="request.edited",
        actor=actor,
        values={
            "current": revision,
            "revision": number,
            "digest": frozen.digest,
            "mode": ground.mode,
            "account": account,
            "to": request.to,
            "contact_id": request.contact_id,
            "summary": spec.summary(payload)[:300],
            "scheduled_for": scheduled_for,
            "expires_at": expires_at,
            "facts": facts,
            "policy_version": ground.policy.number,
            "policy_matched": list(judged.verdict.matched),
            "policy_reasons": list(judged.verdict.reasons),
            "runs_alone": False,
            "approved_at": None,
            "due_at": None,
            "undo_until": None,
            "last_error": "",
        },
        data={"revision": number, "digest": frozen.digest},
        correlation=correlation,
    )
    settle_verdicts(
        workspace=workspace,
        judged=[judged],
        gates=ground.gates,
        policy_number=ground.policy.number,
        actor=actor,
        correlation=correlation,
    )


def judge(
    *,
    ground: Ground,
    request: ExecutionRequest,
    spec: ChannelSpec,
    payload: dict[str, Any],
    frozen: Frozen,
    number: int,
) -> tuple[Judged, dict[str, Any]]:
    """Derive the facts of a request's new revision and apply the policies in force."""
    proposal = Proposal(channel=request.channel, payload=payload, contact=request.contact_id, to=None)
    checked = Checked(proposal=proposal, spec=spec, payload=payload)
    contact: Contact | None = request.contact
    (recipients,) = recipients_of(
        workspace=ground.workspace, checked=[checked], addresses=[request.to], contacts=[contact]
    )
    template = request.metadata.get("template")
    template = template if isinstance(template, dict) else None
    names = {template["name"]} if template and isinstance(template.get("name"), str) else set()
    facts = derive(
        spec=spec,
        document=frozen.document,
        recipients=recipients,
        plan_size=request.plan.size if request.plan else 1,
        agent=request.agent,
        templates=approved_templates(workspace=ground.workspace, names=names),
        template=template,
    )
    verdict = evaluate(rules=ground.policy.rules, facts=facts, default_gate=spec.default_gate)
    return Judged(request_id=request.id, revision=number, channel=request.channel, verdict=verdict), facts


def _check_window(*, scheduled_for: datetime | None, expires_at: datetime | None) -> None:
    problems = {
        name: "A time with its zone, such as 2027-01-31T09:00:00+01:00."
        for name, at in (("scheduled_for", scheduled_for), ("expires_at", expires_at))
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None)
    }
    if not problems and scheduled_for and expires_at and expires_at <= scheduled_for:
        problems["expires_at"] = "It would expire before it is due."
    if problems:
        raise InvalidInput("The times do not fit.", fields=problems)
