"""Erasing a person: nothing of them stays in plain text, and they are never written to again."""

from uuid import UUID

from django.db import transaction

from contacts.addresses import AddressKind
from contacts.models import ConsentEvent, Contact, ContactTag, Suppression, SuppressionReason, TimelineEvent
from contacts.services.suppression import add_suppression
from contacts.services.writing import writing
from contacts.signals import contact_erased
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace
from workspaces.permissions import Permission

audit.register({"contact.erased": "{actor} erased a contact"})


def erase_contact(*, workspace: Workspace, actor: Actor, contact_id: UUID) -> None:
    """Blank everything personal about a contact (GDPR, article 17); what it did stays on record under its id.

    Its addresses stay suppressed by their keyed hash alone, so that no import brings the person back. Erasing twice
    is erasing once. `contact_erased` is sent after the commit, for whoever above keeps copies.
    Only for a person who may manage the workspace. Raises NotPermitted, NotFound.
    """
    if not actor.is_person:
        raise NotPermitted(f"{actor.label} may not erase a contact: a person decides that.")
    # The guards' lock comes before the contact's: a worker that marks a chunk takes them in this order too.
    with (
        writing(workspace=workspace, actor=actor, permission=Permission.MANAGE),
        guard_change(workspace=workspace),
    ):
        contact = Contact.objects.select_for_update(no_key=True).filter(workspace=workspace, pk=contact_id).first()
        if contact is None:
            raise NotFound("There is no such contact here.")
        if contact.is_erased:
            return
        for kind, address in _addresses_of(contact):
            row = add_suppression(
                workspace=workspace,
                actor=actor,
                kind=kind,
                address=address,
                reason=SuppressionReason.LEGAL,
                source="erasure",
                shown=False,
            )
            same = Suppression.objects.filter(workspace=workspace, kind=kind, address_hash=row.address_hash)
            same.update(address=None, source="erasure", lifted_reason="")
        ContactTag.objects.filter(workspace=workspace, contact=contact).delete()
        ConsentEvent.objects.filter(workspace=workspace, contact=contact).redact()
        TimelineEvent.objects.filter(workspace=workspace, contact=contact).redact()
        for column in ("name", "title", "email", "email_key", "email_hash", "phone", "phone_hash", "time_zone"):
            setattr(contact, column, "")
        contact.notes = contact.source = ""
        contact.handles, contact.organisation_id = {}, None
        contact.time_zone_is_guess, contact.is_erased = False, True
        contact.save()
        audit.record(action="contact.erased", actor=actor, workspace_id=workspace.id, subject=contact)
        transaction.on_commit(
            lambda: contact_erased.send(sender=Contact, workspace_id=workspace.id, contact_id=contact.id), robust=True
        )


def _addresses_of(contact: Contact) -> list[tuple[str, str]]:
    addresses: list[tuple[str, str]] = []
    if contact.email:
        addresses.append((AddressKind.EMAIL, contact.email))
    if contact.phone:
        addresses.append((AddressKind.PHONE, contact.phone))
    return addresses + [
        (AddressKind.HANDLE, f"{network}:{handle}") for network, handle in sorted(contact.handles.items())
    ]
