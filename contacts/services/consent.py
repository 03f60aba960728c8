"""Consent and other lawful bases: recorded, withdrawn. Rows are history; the latest counts."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from contacts.models import Basis, ConsentEvent, ConsentStatus, Contact
from contacts.services.timeline import Happening, write_events
from contacts.services.writing import Fields, line, one_of, prose, writing
from contacts.signals import consent_changed
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput, NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import PrincipalKind, Workspace

audit.register(
    {
        "consent.recorded": "{actor} recorded a lawful basis ({basis}) for {purpose} of {count} contacts",
        "consent.withdrawn": "{actor} recorded that {count} contacts withdrew their consent to {purpose}",
    }
)

_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CLOCKS_APART = timedelta(minutes=5)


def record_consent(
    *,
    workspace: Workspace,
    actor: Actor,
    contact_ids: Sequence[UUID],
    purpose: str,
    basis: str,
    source: str,
    evidence: str = "",
    at: datetime | None = None,
) -> list[ConsentEvent]:
    """Record that we may write to these contacts for a purpose (email, sms, voice ...), and why.

    For persons, and for the system acting on a signed form: what a service or an agent says of itself must not let
    its own requests pass unseen. `at` is when it was given (now, unless said otherwise), `source` how we know.
    Raises InvalidInput naming the field, NotFound, NotPermitted.
    """
    if actor.kind in (PrincipalKind.SERVICE, PrincipalKind.AGENT):
        raise NotPermitted(f"{actor.label} may not record a consent. Ask a person to do it.")
    fields = Fields()
    basis = fields.read("basis", lambda: one_of(basis, allowed=Basis.values))
    source = fields.read("source", lambda: line(source, most=200))
    if not source:
        fields.problems.setdefault("source", "Say how we know: a form, a meeting, a published page.")
    fields.check("The consent cannot be recorded like this.")
    return _record(
        workspace=workspace,
        actor=actor,
        contact_ids=contact_ids,
        purpose=purpose,
        status=ConsentStatus.GRANTED,
        basis=basis,
        source=source,
        evidence=evidence,
        at=at,
    )


def withdraw_consent(
    *,
    workspace: Workspace,
    actor: Actor,
    contact_ids: Sequence[UUID],
    purpose: str,
    source: str = "",
    evidence: str = "",
    at: datetime | None = None,
) -> list[ConsentEvent]:
    """Record that these contacts no longer want what we wrote to them for. Anyone who may propose may say so.

    It takes away the basis for one purpose; `suppress` stops everything to an address.
    """
    return _record(
        workspace=workspace,
        actor=actor,
        contact_ids=contact_ids,
        purpose=purpose,
        status=ConsentStatus.WITHDRAWN,
        basis="",
        source=source,
        evidence=evidence,
        at=at,
    )


def _record(
    *,
    workspace: Workspace,
    actor: Actor,
    contact_ids: Sequence[UUID],
    purpose: str,
    status: ConsentStatus,
    basis: str,
    source: str,
    evidence: str,
    at: datetime | None,
) -> list[ConsentEvent]:
    fields = Fields()
    if not isinstance(purpose, str) or not _PURPOSE.fullmatch(purpose):
        fields.problems["purpose"] = "One word in lower case, such as email."
    source = fields.read("source", lambda: line(source, most=200))
    evidence = fields.read("evidence", lambda: prose(evidence))
    now = timezone.now()
    if at is not None and (at.tzinfo is None or at > now + _CLOCKS_APART):
        fields.problems["at"] = "A time with its zone, not in the future."
    fields.check("The consent cannot be recorded like this.")
    ids = list(dict.fromkeys(contact_ids))
    with writing(workspace=workspace, actor=actor), guard_change(workspace=workspace):
        if Contact.objects.filter(workspace=workspace, is_erased=False, pk__in=ids).count() != len(ids):
            raise NotFound("Not every one of these contacts is here.")
        if not ids:
            raise InvalidInput("Name at least one contact.", fields={"contact": "It is missing."})
        events = ConsentEvent.objects.bulk_create(
            [
                ConsentEvent(
                    workspace=workspace,
                    contact_id=contact_id,
                    purpose=purpose,
                    status=status,
                    basis=basis,
                    source=source,
                    evidence=evidence,
                    at=at or now,
                    recorded_by_id=actor.principal_id,
                )
                for contact_id in ids
            ],
            batch_size=2_000,
        )
        write_events(
            workspace=workspace,
            events=[
                Happening(
                    contact_id=contact_id,
                    at=at or now,
                    kind=f"consent_{status}",
                    summary=_summary(purpose=purpose, status=status, basis=basis),
                    data={"purpose": purpose, "basis": basis},
                )
                for contact_id in ids
            ],
        )
        audit.record(
            action="consent.recorded" if status == ConsentStatus.GRANTED else "consent.withdrawn",
            actor=actor,
            workspace_id=workspace.id,
            subjects=ids,
            data={"purpose": purpose, "basis": basis},
        )
        transaction.on_commit(
            lambda: consent_changed.send(
                sender=ConsentEvent, workspace_id=workspace.id, contact_ids=ids, purpose=purpose, status=status.value
            ),
            robust=True,
        )
    return events


def _summary(*, purpose: str, status: ConsentStatus, basis: str) -> str:
    if status == ConsentStatus.WITHDRAWN:
        return f"Withdrew consent to {purpose}"
    return f"Lawful basis for {purpose}: {Basis(basis).label.lower()}"
