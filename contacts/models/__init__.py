"""One file a concept; outsiders import from here."""

from contacts.models.consent import Basis, ConsentEvent, ConsentStatus
from contacts.models.contact import Contact, ContactKind, ContactTag
from contacts.models.organisation import Organisation, OrganisationKind
from contacts.models.suppression import Suppression, SuppressionKey, SuppressionReason
from contacts.models.timeline import TimelineEvent

__all__ = [
    "Basis",
    "ConsentEvent",
    "ConsentStatus",
    "Contact",
    "ContactKind",
    "ContactTag",
    "Organisation",
    "OrganisationKind",
    "Suppression",
    "SuppressionKey",
    "SuppressionReason",
    "TimelineEvent",
]
