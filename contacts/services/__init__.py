"""Writes: whom we may talk to."""

from contacts.services.consent import record_consent, withdraw_consent
from contacts.services.contacted import Touch, mark_contacted
from contacts.services.contacts import (
    create_contact,
    ensure_contact_for_address,
    ensure_contacts_for_addresses,
    update_contact,
)
from contacts.services.erasure import erase_contact
from contacts.services.exports import export_contacts
from contacts.services.imports import ImportPreview, ImportResult, import_contacts, preview_import
from contacts.services.organisations import create_organisation, ensure_organisations, update_organisation
from contacts.services.suppression import lift_suppression, suppress
from contacts.services.timeline import Happening, add_events

__all__ = [
    "Happening",
    "ImportPreview",
    "ImportResult",
    "Touch",
    "add_events",
    "create_contact",
    "create_organisation",
    "ensure_contact_for_address",
    "ensure_contacts_for_addresses",
    "ensure_organisations",
    "erase_contact",
    "export_contacts",
    "import_contacts",
    "lift_suppression",
    "mark_contacted",
    "preview_import",
    "record_consent",
    "suppress",
    "update_contact",
    "update_organisation",
    "withdraw_consent",
]
