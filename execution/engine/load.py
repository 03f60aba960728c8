"""Reading the facts for many requests of one workspace in a handful of queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from contacts import selectors as people
from contacts.addresses import zones_of_phone
from execution.channels import registry
from execution.engine.canary import Canary, PlanRow, canaries_of, plans_named, rules_of
from execution.engine.facts import Approval, Facts, Ground, Row
from execution.engine.hours import Window
from execution.engine.warm_up import ramps_of
from execution.models import (
    Decision,
    ExecutionRequest,
    GateDefinition,
    GateState,
    Hold,
    HoldScope,
    Limit,
    Part,
    ProviderAccount,
    Revision,
    SendWindow,
    Verdict,
)
from execution.sending import SenderIdentity, default_identity, identity_of
from execution.services.facts import Recipients, approved_templates, derive
from execution.services.freeze import parse
from execution.services.policies import current_policy
from workspaces.canonical import sha256_hex
from workspaces.installation import is_restored
from workspaces.models import Membership, Mode, Role, Workspace
from workspaces.prepared import Prepared
from workspaces.selectors import last_decider_seen
from workspaces.settings_store import effective_settings

_COLUMNS = Row._fields[:-2]

_KEPT_WHILE = Prepared(
    lambda workspace_id: Workspace.objects.filter(pk=workspace_id).values_list("guard_epoch", "mode"),
    workspace_id=UUID,
)
_ROWS = Prepared(
    lambda ids: ExecutionRequest.objects.filter(id__among=ids).values_list(
        *_COLUMNS, "current__document", "current__digest"
    ),
    ids=list[UUID],
)
_AUTHORS = Prepared(
    lambda ids: Revision.objects.filter(request_id__among=ids).order_by().values_list("request_id", "author_id"),
    ids=list[UUID],
)
_APPROVALS = Prepared(
    lambda ids: (
        Decision.objects.filter(request_id__among=ids, verdict=Verdict.APPROVE)
        .order_by()
        .values_list("request_id", "gate__name", "gate__state", "revision", "digest", "principal_id", "sole_operator")
    ),
    ids=list[UUID],
)
# Those who are active members now. Read each time: a person switched off decides no more.
_DECIDERS = Prepared(
    lambda workspace_id, ids: (
        Membership.objects.filter(
            workspace_id=workspace_id,
            principal_id__among=ids,
            is_active=True,
            kind="person",
            principal__is_active=True,
            principal__user__is_active=True,
        )
        .order_by()
        .values_list("principal_id", "role")
    ),
    workspace_id=UUID,
    ids=list[UUID],
)
_PARTS = Prepared(
    lambda workspace_id, digests: (
        Part.objects.filter(workspace_id=workspace_id, sha256__among=digests)
        .order_by()
        .values_list("sha256", "content")
    ),
    workspace_id=UUID,
    digests=list[str],
)


class GroundCache:
    """A worker's memory of a workspace, good while its guard epoch stands. The mode is read afresh each time."""

    def __init__(self) -> None:
        self._kept: dict[UUID, tuple[int, Ground]] = {}

    def get(self, *, workspace_id: UUID) -> Ground:
        kept = self._kept.get(workspace_id)
        if kept and _KEPT_WHILE.rows(workspace_id=workspace_id) == [(kept[0], kept[1].workspace.mode)]:
            return kept[1]
        workspace = Workspace.objects.get(pk=workspace_id)
        ground = read_ground(workspace=workspace)
        self._kept[workspace_id] = (workspace.guard_epoch, ground)
        return ground


def read_ground(*, workspace: Workspace) -> Ground:
    """What guards read of a workspace. Inside its scope."""
    values = effective_settings(workspace=workspace)
    policy = current_policy(workspace=workspace)
    accounts = {account.id: account for account in ProviderAccount.objects.filter(workspace=workspace)}
    limits = list(Limit.objects.filter(workspace=workspace).order_by("id"))
    return Ground(
        workspace=workspace,
        mode=values["mode"],
        auto_execution=settings.ENABLE_AUTO_EXECUTION and values["execution_enabled"],
        paused=values["global_pause"],
        restored=is_restored(),
        max_attempts=values["max_attempts"],
        policy_number=policy.number,
        rules=policy.rules,
        gates={gate.name: gate for gate in GateDefinition.objects.filter(workspace=workspace)},
        accounts=accounts,
        holds=holds_in_force(workspace_id=workspace.id),
        limits=limits,
        ramps=ramps_of(limits=limits, accounts=accounts, zone=workspace.time_zone),
        windows={
            row.channel: Window(opens=row.opens, closes=row.closes, weekdays=frozenset(map(int, row.weekdays)))
            for row in SendWindow.objects.filter(workspace=workspace)
        },
        canary_rules=rules_of(values),
        absent_after=timedelta(hours=values["operator_absent_hours"]) if values["operator_absent_hours"] else None,
    )


def holds_in_force(*, workspace_id: UUID) -> list[Hold]:
    """Every hold that may stop something of this workspace, the global one first."""
    held = Hold.objects.select_related("workspace").filter(released_at=None)
    found = list(held.filter(Q(workspace=None) | Q(workspace_id=workspace_id)))
    return sorted(found, key=lambda hold: hold.workspace_id is not None)


def load_facts(
    *, ground: Ground, ids: Sequence[UUID], now: datetime, manual: bool, with_parts: bool = True
) -> list[Facts]:
    """The facts of requests of one workspace, in the order of `ids`. Inside its scope."""
    rows = _rows(ids)
    documents = {row.id: _document(row) for row in rows}
    approvals, approvers = _approvals(ids)
    authors: dict[UUID, set[UUID]] = defaultdict(set)
    for request_id, author_id in _AUTHORS.rows(ids=ids):
        authors[request_id].add(author_id)
    deciders = _deciders(workspace=ground.workspace, principals=approvers)
    holds = ground.holds
    if ground.paused:
        holds = [Hold(scope=HoldScope.GLOBAL, reason="the setting global_pause is on"), *holds]
    parts = _parts(ground=ground, documents=documents) if with_parts else {}
    recipients = _recipients(ground=ground, rows=rows, documents=documents)
    plans = plans_named({row.plan_id for row in rows if row.plan_id})
    policy_facts = _policy_facts(ground=ground, rows=rows, documents=documents, recipients=recipients, plans=plans)
    alone = ground.absent_after is not None and any(row.runs_alone for row in rows)
    decider_seen_at = last_decider_seen(workspace_id=ground.workspace.id) if alone else None
    canaries = _canaries(ground=ground, rows=rows, plans=plans)
    zones = _zones(ground=ground, rows=rows)
    senders: dict[UUID | None, SenderIdentity | None] = {}
    facts = []
    for row in rows:
        account = ground.accounts.get(row.account_id) if row.account_id else None
        key = row.account_id
        if key not in senders or key is None:
            senders[key] = (
                identity_of(account)
                if account
                else default_identity(channel=row.channel, workspace=ground.workspace)
                if key is None
                else None
            )
        facts.append(
            Facts(
                row=row,
                spec=registry.get(row.channel),
                document=documents[row.id],
                parts=parts,
                approvals=approvals[row.id],
                authors=frozenset(authors[row.id]),
                deciders=deciders,
                recipients=recipients[row.id],
                zones=zones.get(row.id, ()),
                policy_facts=policy_facts[row.id],
                sender_now=senders[key],
                account=account,
                holds=holds,
                canary=canaries.get(row.plan_id) if row.plan_id else None,
                decider_seen_at=decider_seen_at,
                ground=ground,
                now=now,
                manual=manual,
            )
        )
    return facts


def _rows(ids: Sequence[UUID]) -> list[Row]:
    rows = {values[0]: Row(*values) for values in _ROWS.rows(ids=ids)}
    return [rows[i] for i in ids if i in rows]


def _document(row: Row) -> dict[str, Any] | None:
    """The document as it was frozen; what somebody changed since is not even looked into (the seal's guard says so)."""
    if not row.digest == row.sealed_digest == sha256_hex(row.document.encode()):
        return None
    return parse(row.document)


def _approvals(ids: Sequence[UUID]) -> tuple[dict[UUID, list[Approval]], set[UUID]]:
    by_request: dict[UUID, list[Approval]] = defaultdict(list)
    people_who: set[UUID] = set()
    for request_id, gate, state, revision, digest, principal_id, sole in _APPROVALS.rows(ids=ids):
        people_who.add(principal_id)
        by_request[request_id].append(
            Approval(
                gate=gate,
                gate_passed=state == GateState.PASSED,
                revision=revision,
                digest=digest,
                principal_id=principal_id,
                sole_operator=sole,
            )
        )
    return by_request, people_who


def _deciders(*, workspace: Workspace, principals: set[UUID]) -> dict[UUID, Role]:
    """Those of `principals` who are active members now, with their roles."""
    if not principals:
        return {}
    members = _DECIDERS.rows(workspace_id=workspace.id, ids=sorted(principals))
    return {principal_id: Role(role) for principal_id, role in members}


def _parts(*, ground: Ground, documents: Mapping[UUID, dict[str, Any] | None]) -> dict[str, bytes]:
    wanted = {digest for document in documents.values() if document for digest in document.get("wire", ())}
    if not wanted:
        return {}
    found = _PARTS.rows(workspace_id=ground.workspace.id, digests=sorted(wanted))
    return {digest: bytes(content) for digest, content in found}


def _recipients(
    *, ground: Ground, rows: Sequence[Row], documents: Mapping[UUID, dict[str, Any] | None]
) -> dict[UUID, Recipients]:
    reached: dict[UUID, tuple[str, ...]] = {}
    by_kind: dict[str, set[str]] = defaultdict(set)
    by_purpose: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        spec, document = registry.get(row.channel), documents[row.id]
        extra = spec.extra_recipients(document["payload"]) if document else []
        reached[row.id] = tuple(dict.fromkeys([*([row.to] if row.to else []), *extra]))
        by_kind["phone" if spec.recipient_kind == "phone" else "email"].update(reached[row.id])
        if spec.consent_purpose and row.contact_id:
            by_purpose[spec.consent_purpose].add(row.contact_id)
    suppressed = {
        kind: people.suppressed_keys(workspace_id=ground.workspace.id, kind=kind, addresses=sorted(addresses))
        for kind, addresses in by_kind.items()
        if addresses
    }
    consents = {
        purpose: people.consent_for(workspace=ground.workspace, contact_ids=ids, purpose=purpose)
        for purpose, ids in by_purpose.items()
    }
    found = {}
    for row in rows:
        spec = registry.get(row.channel)
        kind = "phone" if spec.recipient_kind == "phone" else "email"
        held = consents.get(spec.consent_purpose or "", {})
        found[row.id] = Recipients(
            addresses=reached[row.id],
            suppressed=frozenset(a for a in reached[row.id] if a in suppressed.get(kind, ())),
            consent=row.contact_id is not None and bool(held.get(row.contact_id)) and len(reached[row.id]) <= 1,
        )
    return found


def _zones(*, ground: Ground, rows: Sequence[Row]) -> dict[UUID, tuple[str, ...]]:
    """The zones in which the hours are kept: the contact's own; else those of the phone number's country; else all
    there are. An act that addresses nobody keeps to the workspace's. A rehearsal reaches nobody and keeps to none.
    """
    bound = [
        row
        for row in rows
        if row.mode != Mode.DRY_RUN and (registry.get(row.channel).calling_hours or row.channel in ground.windows)
    ]
    ids = {row.contact_id for row in bound if row.contact_id}
    places = people.places_of(workspace=ground.workspace, contact_ids=ids) if ids else {}
    found: dict[UUID, tuple[str, ...]] = {}
    for row in bound:
        kind = registry.get(row.channel).recipient_kind
        place = places.get(row.contact_id) if row.contact_id else None
        if place and place.time_zone:
            found[row.id] = (place.time_zone,)
        elif kind == "none" and not row.contact_id:
            found[row.id] = (ground.workspace.time_zone,)
        else:
            phone = row.to if kind == "phone" else place.phone if place else ""
            found[row.id] = zones_of_phone(phone)
    return found


def _canaries(*, ground: Ground, rows: Sequence[Row], plans: Mapping[UUID, PlanRow]) -> dict[UUID, Canary]:
    """The slices that some of these requests wait for. A rehearsal waits for none."""
    behind = {row.plan_id for row in rows if row.plan_id in plans and not row.canary and row.mode != Mode.DRY_RUN}
    return canaries_of(
        workspace_id=ground.workspace.id,
        plans=[plan for plan in plans.values() if plan.id in behind and plan.has_canary],
        rules=ground.canary_rules,
    )


def _policy_facts(
    *,
    ground: Ground,
    rows: Sequence[Row],
    documents: Mapping[UUID, dict[str, Any] | None],
    recipients: Mapping[UUID, Recipients],
    plans: Mapping[UUID, PlanRow],
) -> dict[UUID, dict[str, Any] | None]:
    claims = {row.id: t for row in rows if isinstance(t := row.metadata.get("template"), dict)}
    names = {t["name"] for t in claims.values() if isinstance(t.get("name"), str)}
    templates = approved_templates(workspace=ground.workspace, names=names)
    facts: dict[UUID, dict[str, Any] | None] = {}
    for row in rows:
        document = documents[row.id]
        facts[row.id] = (
            derive(
                spec=registry.get(row.channel),
                document=document,
                recipients=recipients[row.id],
                plan_size=plans[row.plan_id].size if row.plan_id and row.plan_id in plans else 1,
                agent=row.agent,
                templates=templates,
                template=claims.get(row.id),
            )
            if document and "mode" in document
            else None
        )
    return facts
