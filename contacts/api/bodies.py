"""What the calls of this app take; the services say what is wrong with a value."""

from rest_framework import serializers

from contacts.addresses import AddressKind
from contacts.models import Basis, ConsentStatus, ContactKind, OrganisationKind, SuppressionReason
from workspaces.api.bodies import Body, Moment, Text


class ContactBody(Body):
    """A contact, made without any consent."""

    kind = serializers.ChoiceField(ContactKind.choices, required=False)
    name = Text(required=False)
    title = Text(required=False)
    organisation = serializers.UUIDField(required=False, allow_null=True)
    email = Text(required=False)
    phone = Text(required=False)
    handles = serializers.DictField(child=Text(), required=False)
    time_zone = Text(required=False)
    tags = serializers.ListField(child=Text(), required=False)
    notes = Text(required=False)
    source = Text(required=False)  # type: ignore[assignment]


class ContactsQuery(Body):
    q = serializers.CharField(required=False, help_text="Words in name, role, email, phone or organisation.")
    kind = serializers.ChoiceField(ContactKind.choices, required=False)
    tag = serializers.CharField(required=False)
    organisation = serializers.UUIDField(required=False)
    suppressed = serializers.ChoiceField(["true", "false"], required=False)


class ConsentBody(Body):
    """A lawful basis given (a person's to record), or withdrawn."""

    purpose = Text(help_text="email, sms, voice ...")
    status = serializers.ChoiceField(ConsentStatus.choices, required=False, default=ConsentStatus.GRANTED)
    basis = serializers.ChoiceField(Basis.choices, required=False)
    source = Text(required=False)  # type: ignore[assignment]
    evidence = Text(required=False)
    at = Moment(required=False, allow_null=True)


class SuppressionBody(Body):
    """An address that is not to be written to; without `kind`, what it looks like."""

    kind = serializers.ChoiceField(AddressKind.choices, required=False)
    address = Text()
    reason = serializers.ChoiceField(SuppressionReason.choices, required=False, default=SuppressionReason.MANUAL)
    source = Text(required=False)  # type: ignore[assignment]


class SuppressionsQuery(Body):
    kind = serializers.ChoiceField(AddressKind.choices, required=False)
    reason = serializers.ChoiceField(SuppressionReason.choices, required=False)
    active = serializers.ChoiceField(["true", "false", "all"], required=False)
    address = serializers.CharField(required=False, help_text="In any spelling.")


class LiftBody(Body):
    reason = Text(required=False, max_length=500)


class OrganisationBody(Body):
    name = Text()
    kind = serializers.ChoiceField(OrganisationKind.choices, required=False)
    website = Text(required=False)
    notes = Text(required=False)


class OrganisationsQuery(Body):
    q = serializers.CharField(required=False)
