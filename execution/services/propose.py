"""The door: validate, freeze, digest, evaluate the policies, then open gates or approve."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.channels import registry
from execution.channels.checking import check_json
from execution.models import ExecutionPlan, ExecutionRequest, Revision
from execution.policies import Outcome, evaluate
from execution.services.canaries import choose_slice
from execution.services.facts import approved_templates, derive
from execution.services.freeze import Frozen, freeze
from execution.services.gating import Judged, settle_verdicts
from execution.services.idempotency import content_digest, earlier, refuse_spent
from execution.services.intake import (
    Checked,
    Ground,
    address_of,
    contacts_for,
    fields_of,
    ground_of,
    recipients_of,
)
from execution.services.parts import store_parts
from execution.types import Origin, Proposal
from workspaces import audit
from workspaces.actors import Actor, resolve_actor
from workspaces.bulk import insert_objects
from workspaces.errors import CountersignError, InvalidInput, NotFound
from workspaces.ids import new_id
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

MAX_IN_A_PLAN = 10_000
MAX_METADATA = 65_536  # characters


def propose(
    *,
    workspace: Workspace,
    actor: Actor | str,
    channel: str,
    payload: Any,
    to: str | None = None,
    contact: Any = None,
    plan: ExecutionPlan | UUID | str | None = None,
    priority: int = 50,
    scheduled_for: datetime | None = None,
    expires_at: datetime | None = None,
    account: Any = None,
    metadata: dict[str, Any] | None = None,
    origin: Origin | None = None,
    idempotency_key: str | None = None,
) -> ExecutionRequest:
    """Propose one outward act and return its request: waiting at its gates, approved, or refused by a policy.

    actor: who proposes, or how they are shown (`service:crm`). to: an address, which becomes a contact without
    consent, so that a person decides; or contact: a contact (or its id). priority: 0 to 100. Times are aware.
    idempotency_key: the same key with the same content answers the same request.

    Raises InvalidInput naming each field, NotPermitted, and Conflict for a key used with other content.
    """
    proposal = Proposal(
        channel=channel,
        payload=payload,
        to=to,
        contact=getattr(contact, "pk", contact),
        priority=priority,
        scheduled_for=scheduled_for,
        expires_at=expires_at,
        account=getattr(account, "pk", account),
        metadata=metadata or {},
        idempotency_key=idempotency_key,
        origin=origin,
    )
    who = _actor(actor=actor, workspace=workspace)
    who.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace):
        plan_row = _plan(plan=plan, workspace=workspace)
        if idempotency_key:
            known = earlier(workspace=workspace, proposal=proposal, actor=who, plan=plan_row)
            if known:
                return known
        checked = _check(proposal)
        try:
            with transaction.atomic():
                # Again, under its lock: an old plan without requests is cleared by retention.
                plan_row = _plan(plan=plan_row, workspace=workspace, rows=ExecutionPlan.objects.select_for_update())
                (request,) = _store(
                    ground=ground_of(workspace),
                    actor=who,
                    checked=[checked],
                    plan=plan_row,
                    plan_size=plan_row.size + 1 if plan_row else 1,
                    indexed=False,
                )
        except IntegrityError:
            # Another call with this key committed first; anything else is an error of ours.
            known = None
            if idempotency_key:
                known = earlier(workspace=workspace, proposal=proposal, actor=who, plan=plan_row)
            if known is None:
                raise
            return known
        return ExecutionRequest.objects.select_related("current").get(pk=request.pk)


def propose_plan(
    *,
    workspace: Workspace,
    actor: Actor | str,
    title: str,
    goal: str = "",
    items: Sequence[Proposal],
    origin: Origin | None = None,
) -> ExecutionPlan:
    """Propose up to 10,000 acts together; all or nothing.

    Raises InvalidInput with the errors of each item under `requests.INDEX`.
    """
    who = _actor(actor=actor, workspace=workspace)
    who.require(Permission.PROPOSE, workspace_id=workspace.id)
    if not 1 <= len(items) <= MAX_IN_A_PLAN:
        raise InvalidInput(
            f"A plan holds 1 to {MAX_IN_A_PLAN:,} requests; this one has {len(items):,}.",
            fields={"requests": f"Give 1 to {MAX_IN_A_PLAN:,}."},
        )
    if not title.strip():
        raise InvalidInput("Give the plan a title.", fields={"title": "Needed."})
    problems: dict[int, CountersignError] = {}
    checked: list[Checked] = []
    for index, item in enumerate(items):
        try:
            checked.append(_check(item))
        except CountersignError as error:
            problems[index] = error
    if problems:
        raise InvalidInput(
            "Some requests of the plan are not valid; none was proposed.",
            fields=fields_of(errors=problems, indexed=True),
        )
    origin = origin or Origin()
    with workspace_scope(workspace), transaction.atomic():
        plan = ExecutionPlan.objects.create(
            workspace=workspace,
            title=title.strip()[:200],
            goal=goal,
            proposed_by_id=who.principal_id,
            campaign_id=origin.campaign_id,
            campaign_label=origin.campaign_label,
        )
        correlation = new_id()
        audit.record(
            action="plan.proposed",
            actor=who,
            workspace_id=workspace.id,
            subject=plan,
            data={"size": len(checked)},
            correlation=correlation,
        )
        _store(
            ground=ground_of(workspace),
            actor=who,
            checked=checked,
            plan=plan,
            plan_size=len(checked),
            indexed=True,
            correlation=correlation,
            origin=origin,
        )
        plan.refresh_from_db()
    return plan


def _actor(*, actor: Actor | str, workspace: Workspace) -> Actor:
    return resolve_actor(label=actor, workspace=workspace, via="python") if isinstance(actor, str) else actor


def _plan(
    *, plan: ExecutionPlan | UUID | str | None, workspace: Workspace, rows: QuerySet[ExecutionPlan] | None = None
) -> ExecutionPlan | None:
    if plan is None:
        return None
    rows = ExecutionPlan.objects.all() if rows is None else rows
    found = rows.filter(workspace=workspace, pk=getattr(plan, "pk", plan)).first()
    if found is None:
        raise NotFound("There is no such plan.", fields={"plan": "No plan of this workspace has this id."})
    return found


def _check(proposal: Proposal) -> Checked:
    """The parts that need no database. Raises InvalidInput with every problem at once."""
    problems: dict[str, str] = {}
    if (
        isinstance(proposal.priority, bool)
        or not isinstance(proposal.priority, int)
        or not 0 <= proposal.priority <= 100
    ):
        problems["priority"] = "A whole number from 0 to 100."
    for name in ("scheduled_for", "expires_at"):
        at = getattr(proposal, name)
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
            problems[name] = "A time with its zone, such as 2027-01-31T09:00:00+01:00."
    if proposal.to and proposal.contact:
        problems["to"] = "Give either `to` or `contact`."
    if (
        not problems
        and proposal.scheduled_for
        and proposal.expires_at
        and proposal.expires_at <= proposal.scheduled_for
    ):
        problems["expires_at"] = "It would expire before it is due."
    if proposal.idempotency_key is not None and not 1 <= len(proposal.idempotency_key) <= 200:
        problems["idempotency_key"] = "1 to 200 characters."
    spec = None
    payload: dict[str, Any] = {}
    try:
        check_json(proposal.metadata, max_bytes=MAX_METADATA, name="metadata")
    except InvalidInput as error:
        problems.update(error.fields)
    try:
        spec = registry.get(proposal.channel)
        if spec.recipient_kind == "none" and proposal.to:
            problems["to"] = f"{spec.label} goes to nobody's address; leave it out."
        if spec.recipient_kind != "none" and not (proposal.to or proposal.contact):
            problems["to"] = f"An address or a contact is needed for {spec.label}."
        payload = spec.validate(proposal.payload)
    except InvalidInput as error:
        problems.update(error.fields or {"payload": error.detail})
    if problems or spec is None:
        told = "; ".join(f"{name}: {text}" for name, text in list(problems.items())[:5])
        raise InvalidInput(f"This cannot be proposed. {told}", fields=problems)
    return Checked(proposal=proposal, spec=spec, payload=payload)


def _store(
    *,
    ground: Ground,
    actor: Actor,
    checked: Sequence[Checked],
    plan: ExecutionPlan | None,
    plan_size: int,
    indexed: bool,
    correlation: UUID | None = None,
    origin: Origin | None = None,
) -> list[ExecutionRequest]:
    """Freeze, judge and write proposals of one workspace in a handful of statements."""
    workspace, correlation = ground.workspace, correlation or new_id()
    refuse_spent(workspace=workspace, keys=[one.proposal.idempotency_key for one in checked])
    contacts, problems = contacts_for(workspace=workspace, actor=actor, checked=checked)
    addresses: list[str] = []
    senders = []
    for index, (one, contact) in enumerate(zip(checked, contacts, strict=True)):
        if index in problems:
            continue
        try:
            addresses.append(address_of(checked=one, contact=contact))
            senders.append(ground.sender(channel=one.spec.name, account_id=one.proposal.account))
        except CountersignError as error:
            problems[index] = error
    if problems:
        raise InvalidInput("This cannot be proposed.", fields=fields_of(errors=problems, indexed=indexed))
    recipients = recipients_of(workspace=workspace, checked=checked, addresses=addresses, contacts=contacts)
    wanted = {t["name"] for t in map(_template, checked) if t and isinstance(t.get("name"), str)}
    templates = approved_templates(workspace=workspace, names=wanted)
    added_to = plan.pk if plan and not indexed else None  # of a plan proposed as a whole the keys tell which it is
    requests, revisions, judged = [], [], []
    parts: dict[str, bytes] = {}
    documents: dict[UUID, dict[str, Any]] = {}
    for one, contact, to, (account, sender), reach in zip(
        checked, contacts, addresses, senders, recipients, strict=True
    ):
        proposal, request_id = one.proposal, new_id()
        frozen = freeze(
            workspace=workspace,
            request_id=request_id,
            spec=one.spec,
            payload=one.payload,
            to=to,
            contact_id=contact.id if contact else None,
            sender=sender,
            mode=ground.mode,
            scheduled_for=proposal.scheduled_for,
            expires_at=proposal.expires_at,
            new_address=proposal.contact is None and bool(proposal.to),
        )
        whence = proposal.origin or origin or Origin()
        facts = derive(
            spec=one.spec,
            document=frozen.document,
            recipients=reach,
            plan_size=plan_size,
            agent=whence.agent,
            templates=templates,
            template=_template(one),
        )
        verdict = evaluate(rules=ground.policy.rules, facts=facts, default_gate=one.spec.default_gate)
        revision = revision_row(
            workspace=workspace, request_id=request_id, number=1, frozen=frozen, author_id=actor.principal_id
        )
        requests.append(
            ExecutionRequest(
                id=request_id,
                workspace=workspace,
                plan=plan,
                channel=one.spec.name,
                mode=ground.mode,
                to=to,
                contact=contact,
                account=account,
                summary=one.spec.summary(one.payload)[:300],
                priority=proposal.priority,
                scheduled_for=proposal.scheduled_for,
                expires_at=proposal.expires_at,
                current=revision,
                digest=frozen.digest,
                policy_version=ground.policy.number,
                policy_matched=list(verdict.matched),
                policy_reasons=list(verdict.reasons),
                facts=facts,
                origin_kind=whence.kind,
                origin_id=whence.id,
                origin_label=whence.label[:200],
                origin_url=whence.url[:500],
                agent=whence.agent,
                campaign_id=whence.campaign_id,
                campaign_label=whence.campaign_label[:200],
                metadata=dict(proposal.metadata),
                proposed_by_id=actor.principal_id,
                idempotency_key=proposal.idempotency_key,
                idempotency_digest=content_digest(proposal=proposal, actor=actor, plan_id=added_to)
                if proposal.idempotency_key
                else "",
            )
        )
        revisions.append(revision)
        parts.update(frozen.parts)
        documents[request_id] = frozen.document
        judged.append(Judged(request_id=request_id, revision=1, channel=one.spec.name, verdict=verdict))
    first = 0
    if plan and indexed:
        allowed = [r for r, one in zip(requests, judged, strict=True) if one.verdict.outcome != Outcome.REFUSE]
        first = choose_slice(workspace=workspace, requests=allowed, size=plan_size)
    insert_objects(requests)
    insert_objects(revisions)
    store_parts(workspace=workspace, parts=parts, documents=documents)
    if plan:
        ExecutionPlan.objects.filter(pk=plan.pk).update(size=plan_size, canary_size=F("canary_size") + first)
    ids = [request.id for request in requests]
    audit.record(
        action="request.proposed",
        actor=actor,
        workspace_id=workspace.id,
        subject=requests[0] if len(requests) == 1 else plan,
        subjects=[] if len(requests) == 1 else ids,
        data={"digest": requests[0].digest} if len(requests) == 1 else {"plan": str(plan.pk) if plan else ""},
        correlation=correlation,
    )
    settle_verdicts(
        workspace=workspace,
        judged=judged,
        gates=ground.gates,
        policy_number=ground.policy.number,
        actor=actor,
        correlation=correlation,
    )
    return requests


def revision_row(
    *, workspace: Workspace, request_id: UUID, number: int, frozen: Frozen, author_id: UUID, note: str = ""
) -> Revision:
    """The revision that keeps a frozen document."""
    return Revision(
        workspace=workspace,
        request_id=request_id,
        number=number,
        document=frozen.text,
        digest=frozen.digest,
        field_hashes=frozen.field_hashes,
        author_id=author_id,
        note=note,
    )


def _template(checked: Checked) -> dict[str, Any] | None:
    template = checked.proposal.metadata.get("template")
    return template if isinstance(template, dict) else None
