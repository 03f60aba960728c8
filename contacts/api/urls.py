"""The addresses of this app's API, below /api/v1/."""

from django.urls import path

from contacts.api import contacts, organisations, suppressions

urlpatterns = [
    path("contacts", contacts.ContactsView.as_view(), name="contacts"),
    path("contacts/<uuid:contact_id>", contacts.ContactView.as_view(), name="contact"),
    path("contacts/<uuid:contact_id>/timeline", contacts.TimelineView.as_view(), name="contact-timeline"),
    path("contacts/<uuid:contact_id>/consents", contacts.ConsentsView.as_view(), name="contact-consents"),
    path("contacts/<uuid:contact_id>/erase", contacts.EraseView.as_view(), name="contact-erase"),
    path("organisations", organisations.OrganisationsView.as_view(), name="organisations"),
    path("organisations/<uuid:organisation_id>", organisations.OrganisationView.as_view(), name="organisation"),
    path("suppressions", suppressions.SuppressionsView.as_view(), name="suppressions"),
    path("suppressions/<uuid:suppression_id>", suppressions.SuppressionView.as_view(), name="suppression"),
    path("suppressions/<uuid:suppression_id>/lift", suppressions.LiftView.as_view(), name="suppression-lift"),
]
