"""How contacts and what is known of them look in answers."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contacts.addresses import AddressKind
from contacts.models import (
    Basis,
    ConsentStatus,
    Contact,
    ContactKind,
    OrganisationKind,
    SuppressionReason,
)
from workspaces.api.shapes import AnyObject, PrincipalLabel, Shape


class ContactShape(Shape):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ContactKind.choices)
    name = serializers.CharField()
    title = serializers.CharField()
    organisation = serializers.UUIDField(source="organisation_id", allow_null=True)
    organisation_name = serializers.SerializerMethodField()
    email = serializers.CharField()
    phone = serializers.CharField()
    handles = serializers.DictField(child=serializers.CharField())
    time_zone = serializers.CharField()
    time_zone_is_guess = serializers.BooleanField()
    tags = serializers.SerializerMethodField()
    notes = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    last_contacted_at = serializers.DateTimeField(allow_null=True)
    last_contacted_channel = serializers.CharField()
    last_dry_run_at = serializers.DateTimeField(allow_null=True, help_text="A rehearsal is no contact.")
    is_erased = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_organisation_name(self, contact: Contact) -> str:
        return contact.organisation.name if contact.organisation else ""

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_tags(self, contact: Contact) -> list[str]:
        return sorted(tag.slug for tag in contact.tags.all())


class SuppressionShape(Shape):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(AddressKind.choices)
    address = serializers.CharField(allow_null=True, help_text="null once its owner was erased; it still holds.")
    reason = serializers.ChoiceField(SuppressionReason.choices)
    source = serializers.CharField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    created_by = PrincipalLabel()
    lifted_at = serializers.DateTimeField(allow_null=True)
    lifted_by = PrincipalLabel()
    lifted_reason = serializers.CharField()


class ConsentShape(Shape):
    id = serializers.UUIDField()
    purpose = serializers.CharField()
    status = serializers.ChoiceField(ConsentStatus.choices)
    basis = serializers.ChoiceField([*Basis.choices, ("", "None")])
    source = serializers.CharField()  # type: ignore[assignment]
    evidence = serializers.CharField()
    at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    recorded_by = PrincipalLabel()


class TimelineShape(Shape):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    summary = serializers.CharField()
    request = serializers.UUIDField(source="request_id", allow_null=True)
    plan = serializers.UUIDField(source="plan_id", allow_null=True)
    dry_run = serializers.BooleanField(source="is_dry_run")
    data = AnyObject()  # type: ignore[assignment]


class OrganisationShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(OrganisationKind.choices)
    website = serializers.CharField()
    notes = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
