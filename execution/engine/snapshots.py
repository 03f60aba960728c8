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

_CONTACT = ("kind", "name", "title", "email", "phone", "time_zone", "source", "last_contacted_at")
_PLAN = ("title", "goal", "size", "performed")


def take_snapshots(*, through: Sequence[Facts], now: datetime) -> None:
    """In the mark's transaction, for requests of one workspace that are being marked: one statement for all.

    A second try of the same revision keeps the first one's snapshot.
    """
    contacts = _named(Contact, _CONTACT, {f.row.contact_id for f in through if f.row.contact_id})
    plans = _named(ExecutionPlan, _PLAN, {f.row.plan_id for f in through if f.row.plan_id})
    rows = [
        {
            "id": new_id(),
            "workspace_id": facts.row.workspace_id,
            "request_id": facts.row.id,
            "revision": facts.row.revision,
            "taken_at": now,
            "document": _document(facts=facts, contacts=contacts, plans=plans),
        }
        for facts in through
    ]
    insert_rows(Snapshot, rows=rows, ignore_conflicts=True)


def _document(
    *, facts: Facts, contacts: Mapping[UUID, dict[str, Any]], plans: Mapping[UUID, dict[str, Any]]
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
        # The part that is under the seal; secrets are never among it.
        "account": facts.sender_now.as_document() if facts.sender_now else None,
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


def _named(model: Any, columns: Sequence[str], ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    if not ids:
        return {}
    found = model.objects.filter(id__among=list(ids)).values("id", *columns)
    return {row["id"]: {name: _text(value) for name, value in row.items()} for row in found}


def _text(value: Any) -> Any:
    """Ids and times as text; whatever JSON has a form for as it is."""
    return value if value is None or isinstance(value, str | int | bool) else str(value)
