"""Suppression: an address that must not be written to. One committed before a send wins over every approval (P10)."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from contacts.addresses import AddressKind, normal_address, region_of_zone
from contacts.hashing import hasher_of
from contacts.models import Contact, Suppression, SuppressionReason
from contacts.services.timeline import Happening, write_events
from contacts.services.writing import Fields, line, one_of, writing
from contacts.signals import address_suppressed
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace
from workspaces.permissions import Permission

audit.register(
    {
        "suppression.added": "{actor} suppressed an address ({kind}, {reason})",
        "suppression.lifted": "{actor} lifted the suppression of an address ({kind}, {reason})",
    }
)

_BINDING = list(SuppressionReason.values)  # the most binding first
_NEED_A_REASON = (SuppressionReason.OPT_OUT, SuppressionReason.COMPLAINT, SuppressionReason.LEGAL)


def suppress(
    *, workspace: Workspace, actor: Actor, kind: str, address: str, reason: str, source: str = ""
) -> Suppression:
    """Never write to this address again, in whatever spelling (contacts.addresses), until a person lifts it.

    For whoever may propose (services and agents too: an opt-out is taken from anyone) and for the system. Suppressing
    again returns what is there; a more binding reason takes its place. `address_suppressed` is sent after the commit.
    Raises InvalidInput naming the field.
    """
    fields = Fields()
    kind = fields.read("kind", lambda: one_of(kind, allowed=AddressKind.values))
    reason = fields.read("reason", lambda: one_of(reason, allowed=SuppressionReason.values))
    source = fields.read("source", lambda: line(source, most=200))
    region = region_of_zone(workspace.time_zone)
    if kind:
        normal = fields.read("address", lambda: normal_address(kind=kind, text=line(address, most=400), region=region))
    fields.check("The address cannot be suppressed like this.")
    with writing(workspace=workspace, actor=actor):
        return add_suppression(
            workspace=workspace, actor=actor, kind=kind, address=normal, reason=reason, source=source
        )


def add_suppression(
    *, workspace: Workspace, actor: Actor, kind: str, address: str, reason: str, source: str, shown: bool = True
) -> Suppression:
    """Suppress a normal address inside the caller's transaction and scope; `shown` False keeps its hash alone."""
    hashed = hasher_of(workspace.id)(kind=kind, address=address)
    with guard_change(workspace=workspace):
        rows = Suppression.objects.select_for_update().filter(workspace=workspace, kind=kind, address_hash=hashed)
        active: Suppression | None = rows.filter(lifted_at=None).first()
        if active and _BINDING.index(active.reason) <= _BINDING.index(reason):
            return active
        now = timezone.now()
        if active:
            _mark_lifted(active, actor=actor, reason=f"Replaced by a more binding reason: {reason}")
        row: Suppression = Suppression.objects.create(
            workspace=workspace,
            kind=kind,
            address_hash=hashed,
            address=address if shown else None,
            reason=reason,
            source=source,
            created_by_id=actor.principal_id,
        )
        contact_ids = _contacts_with(row)
        write_events(
            workspace=workspace,
            events=[
                Happening(
                    contact_id=contact_id,
                    at=now,
                    kind="suppressed",
                    summary=f"{AddressKind(kind).label} suppressed: {SuppressionReason(reason).label.lower()}",
                    data={"kind": kind, "reason": reason, "suppression": str(row.id)},
                )
                for contact_id in contact_ids
            ],
        )
        audit.record(
            action="suppression.added",
            actor=actor,
            workspace_id=workspace.id,
            subject=row,
            data={"kind": kind, "reason": reason, "address_hash": hashed},
        )
        transaction.on_commit(
            lambda: address_suppressed.send(
                sender=Suppression,
                workspace_id=workspace.id,
                suppression_id=row.id,
                kind=kind,
                address=address,
                reason=reason,
                contact_ids=contact_ids,
            ),
            robust=True,
        )
    return row


def lift_suppression(*, workspace: Workspace, actor: Actor, suppression_id: UUID, reason: str = "") -> Suppression:
    """Let an address be written to again. Only a person who may decide; an opt-out, complaint or duty takes a reason.

    Raises NotPermitted, NotFound, Conflict where it was lifted already, InvalidInput without a needed reason.
    """
    if not actor.is_person:
        raise NotPermitted(f"{actor.label} may not lift a suppression: a person decides that.")
    fields = Fields()
    reason = fields.read("reason", lambda: line(reason, most=500))
    fields.check("The suppression cannot be lifted like this.")
    with writing(workspace=workspace, actor=actor, permission=Permission.DECIDE), guard_change(workspace=workspace):
        row: Suppression | None = (
            Suppression.objects.select_for_update().filter(workspace=workspace, pk=suppression_id).first()
        )
        if row is None:
            raise NotFound("There is no such suppression here.")
        if row.lifted_at is not None:
            raise Conflict("This suppression was lifted already.")
        if row.reason in _NEED_A_REASON and not reason:
            raise InvalidInput(
                "Say why: this address was suppressed for its owner's sake.", fields={"reason": "Say why."}
            )
        _mark_lifted(row, actor=actor, reason=reason)
        write_events(
            workspace=workspace,
            events=[
                Happening(
                    contact_id=contact_id,
                    at=timezone.now(),
                    kind="suppression_lifted",
                    summary=f"{AddressKind(row.kind).label} no longer suppressed",
                    data={"kind": row.kind, "reason": row.reason, "suppression": str(row.id)},
                )
                for contact_id in _contacts_with(row)
            ],
        )
        audit.record(
            action="suppression.lifted",
            actor=actor,
            workspace_id=workspace.id,
            subject=row,
            data={"kind": row.kind, "reason": row.reason, "address_hash": row.address_hash},
        )
    return row


def _mark_lifted(row: Suppression, *, actor: Actor, reason: str) -> None:
    row.lifted_at, row.lifted_by_id, row.lifted_reason = timezone.now(), actor.principal_id, reason
    row.save(update_fields=["lifted_at", "lifted_by", "lifted_reason"])


def _contacts_with(row: Suppression) -> list[UUID]:
    """The contacts that the suppression covers; a handle is not indexed by its hash and covers none here."""
    if row.kind == AddressKind.HANDLE:
        return []
    column = "email_hash" if row.kind == AddressKind.EMAIL else "phone_hash"
    contacts = Contact.objects.filter(workspace_id=row.workspace_id, **{column: row.address_hash})
    return list(contacts.values_list("pk", flat=True))
