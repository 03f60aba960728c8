"""The snapshot taken before execution: what was known of a request at its mark, as one JSON document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from contacts.models import Contact
from execution.engine.facts import Facts
from execution.models import ExecutionPlan, Snapshot
from workspaces.bulk import insert_rows
from workspaces.ids import new_id
from workspaces.prepared import Prepared

_CONTACT = ("kind", "name", "title", "email", "phone", "time_zone", "source", "last_contacted_at")
_PLAN = ("title", "goal", "size", "performed")
_CONTACTS = Prepared(
    lambda ids: Contact.objects.filter(id__among=ids).order_by().values_list("id", *_CONTACT), ids=list[UUID]
)
_PLANS = Prepared(
    lambda ids: ExecutionPlan.objects.filter(id__among=ids).order_by().values_list("id", *_PLAN), ids=list[UUID]
)


def snapshots_of(*, through: Sequence[Facts], now: datetime) -> dict[UUID, dict[str, Any]]:
    """In the mark's transaction, for requests of one workspace, channel and account that may be marked: what
    `keep_snapshots` writes, by request.
    """
    contacts = _named(_CONTACTS, _CONTACT, {f.row.contact_id for f in through if f.row.contact_id})
    plans = _named(_PLANS, _PLAN, {f.row.plan_id for f in through if f.row.plan_id})
    sender = through[0].sender_now
    # The part that is under the seal; secrets are never among it.
    account = sender.as_document() if sender else None
    return {
        facts.row.id: {
            "id": new_id(),
            "workspace_id": facts.row.workspace_id,
            "request_id": facts.row.id,
            "revision": facts.row.revision,
            "taken_at": now,
            "document": _document(facts=facts, contacts=contacts, plans=plans, account=account),
        }
        for facts in through
    }


def keep_snapshots(rows: Sequence[Mapping[str, Any]]) -> None:
    """One statement for all. A second try of the same revision keeps the first one's snapshot."""
    insert_rows(Snapshot, rows=rows, ignore_conflicts=True)


def _document(
    *,
    facts: Facts,
    contacts: Mapping[UUID, dict[str, Any]],
    plans: Mapping[UUID, dict[str, Any]],
    account: dict[str, Any] | None,
) -> dict[str, Any]:
    row = facts.row
    return {
        "request": {
            "id": str(row.id),
            "channel": row.channel,
            "to": list(facts.recipients.addresses),
            "summary": row.summary,
            "mode": row.mode,
            "revision": row.revision,
            "digest": row.digest,
            "scheduled_for": _text(row.scheduled_for),
            "expires_at": _text(row.expires_at),
            "agent": row.agent,
            "campaign": _text(row.campaign_id),
            "earlier_tries": row.attempts_made,
        },
        "contact": contacts.get(row.contact_id) if row.contact_id else None,
        "consent": facts.recipients.consent,
        "plan": plans.get(row.plan_id) if row.plan_id else None,
        "account": account,
        "policy": {"version": facts.ground.policy_number, "runs_alone": row.runs_alone},
        "decisions": [
            {
                "gate": one.gate,
                "by": str(one.principal_id),
                "revision": one.revision,
                "digest": one.digest,
                "sole_operator": one.sole_operator,
            }
            for one in facts.approvals
        ],
        "manual": facts.manual,
    }


def _named(query: Prepared, columns: Sequence[str], ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    if not ids:
        return {}
    return {key: dict(zip(columns, map(_text, values), strict=True)) for key, *values in query.rows(ids=list(ids))}


def _text(value: Any) -> Any:
    """Ids and times as text; whatever JSON has a form for as it is."""
    return str(value) if isinstance(value, UUID | datetime) else value
