"""Making, changing and finding contacts."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django_scopes import ScopeError

from contacts.models import Contact, ContactTag, Organisation
from contacts.selectors import consent_for
from contacts.services import (
    create_contact,
    create_organisation,
    ensure_contact_for_address,
    ensure_contacts_for_addresses,
    ensure_organisations,
    update_contact,
    update_organisation,
)
from tests.builders import make_contact
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry


def test_it_adds_a_contact_in_normal_form(cast):
    organisation = create_organisation(workspace=cast.workspace, actor=cast.ada, name="Office of Senator Doe")
    contact = create_contact(
        workspace=cast.workspace,
        actor=cast.ada,
        name="  Dana Doe ",
        kind="office",
        title="Director",
        organisation=organisation,
        email="Dana.Doe@Senate.EXAMPLE",
        phone="(202) 555-0199",
        handles={"Mastodon": "@dana@example.social", "x": ""},
        tags=["Energy Policy", "energy-policy", "senate"],
        notes="Met in March.\r\nLikes facts.",
        source="by hand",
    )
    with cast.scope():
        contact = Contact.objects.get(pk=contact.pk)
        assert [tag.slug for tag in contact.tags.all()] == ["energy-policy", "senate"]
    assert contact.name == "Dana Doe"
    assert contact.email == "Dana.Doe@senate.example"
    assert contact.email_key == "dana.doe@senate.example"
    assert contact.phone == "+12025550199"
    assert contact.handles == {"mastodon": "dana@example.social"}
    assert contact.notes == "Met in March.\nLikes facts."
    assert contact.organisation_id == organisation.id
    assert contact.created_by_id == cast.ada.principal_id


def test_it_names_every_field_that_is_wrong(cast):
    wrong: dict[str, Any] = {
        "name": "Dana\r\nBcc: x@example.org",
        "kind": "robot",
        "email": "dana",
        "phone": "x",
        "handles": {"x": 1},
        "time_zone": "Mars/Base",
        "tags": "energy",
        "organisation": "not an id",
    }
    with pytest.raises(InvalidInput) as refusal:
        create_contact(workspace=cast.workspace, actor=cast.ada, **wrong)
    assert set(refusal.value.fields) == set(wrong)


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, True])
def test_it_refuses_what_is_not_text(cast, value):
    with pytest.raises(InvalidInput) as refusal:
        create_contact(workspace=cast.workspace, actor=cast.ada, name=value, email="d@example.org")
    assert refusal.value.fields == {"name": "Write text."}


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "\ud800", "a" * 201])
def test_it_refuses_a_name_that_no_header_could_carry(cast, name):
    with pytest.raises(InvalidInput):
        create_contact(workspace=cast.workspace, actor=cast.ada, name=name)


def test_a_contact_needs_a_name_or_an_address(cast):
    with pytest.raises(InvalidInput, match="name or an address"):
        create_contact(workspace=cast.workspace, actor=cast.ada, notes="somebody")


def test_it_refuses_an_email_that_another_contact_has(cast):
    with pytest.raises(Conflict) as refusal:
        create_contact(workspace=cast.workspace, actor=cast.ada, name="Alice again", email="ALICE@example.org")
    assert refusal.value.extra["contact"] == str(cast.alice.id)


def test_two_workspaces_may_both_know_an_email(cast, other):
    contact = create_contact(workspace=other.workspace, actor=other.olga, email="alice@example.org")
    assert contact.workspace_id == other.workspace.id


def test_it_guesses_the_time_zone_and_says_so(cast):
    contact = make_contact(cast.workspace, cast.ada, phone="+12025550111")
    assert (contact.time_zone, contact.time_zone_is_guess) == ("America/New_York", True)


def test_a_time_zone_that_is_given_is_no_guess(cast):
    contact = make_contact(cast.workspace, cast.ada, phone="+12025550111", time_zone="America/Denver")
    assert (contact.time_zone, contact.time_zone_is_guess) == ("America/Denver", False)


def test_a_guess_goes_with_the_number_it_came_from(cast):
    contact = make_contact(cast.workspace, cast.ada, phone="+12025550111")
    contact = update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=contact.id, phone="+442079460958")
    assert (contact.time_zone, contact.time_zone_is_guess) == ("Europe/London", True)


def test_it_changes_what_is_named_and_nothing_else(cast):
    update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, title="Editor", tags=["press"])
    with cast.scope():
        alice = Contact.objects.get(pk=cast.alice.pk)
        assert [tag.slug for tag in alice.tags.all()] == ["press"]
    assert (alice.name, alice.email, alice.title) == ("Alice Adams", "alice@example.org", "Editor")


def test_a_change_is_on_record_without_personal_data(cast):
    update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, name="Alice Abel", tags=["x"])
    entry = AuditEntry.objects.filter(action="contact.changed", subject_id=cast.alice.id).get()
    assert entry.data == {"fields": "name, tags"}
    assert entry.actor_id == cast.ada.principal_id


def test_changing_nothing_leaves_no_entry(cast):
    update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, name="Alice Adams")
    assert not AuditEntry.objects.filter(action="contact.changed").exists()


@pytest.mark.parametrize("changes", [{"is_erased": True}, {"email_key": "x@example.org"}, {"last_contacted_at": None}])
def test_it_refuses_to_change_what_is_not_its_callers(cast, changes):
    with pytest.raises(InvalidInput, match="Not all of that"):
        update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, **changes)


def test_a_change_of_email_meets_the_one_who_has_it(cast):
    with pytest.raises(Conflict):
        update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, email="Bob@example.org")


@pytest.mark.parametrize("who", ["crm", "writer"])
def test_no_service_or_agent_puts_another_address_under_a_consent(cast, who):
    with pytest.raises(NotPermitted, match="email on record"):
        update_contact(
            workspace=cast.workspace,
            actor=getattr(cast, who),
            contact_id=cast.alice.id,
            email="attacker@example.net",
        )


def test_an_agent_does_not_add_an_address_to_a_contact_with_consents(cast):
    update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, phone="")
    with pytest.raises(NotPermitted, match="with consents"):
        update_contact(workspace=cast.workspace, actor=cast.writer, contact_id=cast.alice.id, phone="+12025550177")


def test_an_agent_may_fill_in_what_is_missing(cast):
    contact = create_contact(workspace=cast.workspace, actor=cast.writer, name="Office of Representative Poe")
    contact = update_contact(
        workspace=cast.workspace, actor=cast.writer, contact_id=contact.id, email="poe@house.example"
    )
    assert contact.email == "poe@house.example"


@pytest.mark.parametrize("act", ["create", "update", "ensure"])
def test_a_viewer_changes_nobody(cast, act):
    with pytest.raises(NotPermitted):
        if act == "create":
            create_contact(workspace=cast.workspace, actor=cast.vic, name="Nobody")
        elif act == "update":
            update_contact(workspace=cast.workspace, actor=cast.vic, contact_id=cast.alice.id, name="Nobody")
        else:
            ensure_contact_for_address(
                workspace=cast.workspace, actor=cast.vic, channel="email", address="n@example.org"
            )


def test_a_member_of_another_workspace_finds_nobody_here(cast, other):
    with pytest.raises(NotPermitted):
        update_contact(workspace=cast.workspace, actor=other.olga, contact_id=cast.alice.id, name="Nobody")
    with pytest.raises(NotFound):
        update_contact(workspace=other.workspace, actor=other.olga, contact_id=cast.alice.id, name="Nobody")


def test_it_refuses_an_organisation_of_another_workspace(cast, other):
    theirs = create_organisation(workspace=other.workspace, actor=other.olga, name="Elsewhere")
    with pytest.raises(InvalidInput) as refusal:
        create_contact(workspace=cast.workspace, actor=cast.ada, name="Dana", organisation=theirs)
    assert set(refusal.value.fields) == {"organisation"}


@pytest.mark.parametrize(
    ("table", "column"),
    [("contacts_contacttag", "contact_id"), ("contacts_consentevent", "contact_id")],
)
def test_the_database_keeps_rows_from_pointing_into_another_workspace(cast, other, table, column):
    with cast.scope():
        ContactTag.objects.create(workspace=cast.workspace, contact=cast.alice, slug="press")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s", [other.oscar.id])  # noqa: S608 (the names above)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_keeps_a_contact_in_its_own_workspaces_organisations(cast, other):
    theirs = create_organisation(workspace=other.workspace, actor=other.olga, name="Elsewhere")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_contact SET organisation_id = %s", [theirs.id])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_contacts_are_not_to_be_had_outside_a_scope(cast):
    with pytest.raises(ScopeError):
        Contact.objects.count()


def test_an_address_becomes_a_contact_without_consent(cast):
    contact = ensure_contact_for_address(
        workspace=cast.workspace, actor=cast.crm, channel="email", address="New.One@Example.net", name="New One"
    )
    assert (contact.email, contact.name) == ("New.One@example.net", "New One")
    assert consent_for(workspace=cast.workspace, contact_ids=[contact.id], purpose="email") == {}


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", "ALICE@Example.org"),
        ("press", "alice@example.org"),
        ("sms", "202 555 0101"),
        ("voice", "+12025550101"),
    ],
)
def test_an_address_finds_the_contact_who_has_it(cast, channel, address):
    found = ensure_contact_for_address(workspace=cast.workspace, actor=cast.crm, channel=channel, address=address)
    assert found.id == cast.alice.id


def test_a_handle_finds_the_contact_who_has_it(cast):
    made = ensure_contact_for_address(
        workspace=cast.workspace, actor=cast.crm, channel="social", address="mastodon:@ann@example.social"
    )
    found = ensure_contact_for_address(
        workspace=cast.workspace, actor=cast.crm, channel="social", address="Mastodon:ANN@example.social"
    )
    assert made.handles == {"mastodon": "ann@example.social"}
    assert found.id == made.id


def test_a_shared_number_is_the_oldest_contacts(cast):
    make_contact(cast.workspace, cast.ada, phone=cast.alice.phone)
    found = ensure_contact_for_address(
        workspace=cast.workspace, actor=cast.crm, channel="sms", address=cast.alice.phone
    )
    assert found.id == cast.alice.id


def test_two_spellings_in_one_call_are_one_contact(cast):
    found = ensure_contacts_for_addresses(
        workspace=cast.workspace, actor=cast.crm, kind="email", addresses=["n@example.org", "N@EXAMPLE.ORG"]
    )
    assert len({contact.id for contact in found.values()}) == 1


def test_it_says_which_addresses_are_wrong(cast):
    with pytest.raises(InvalidInput) as refusal:
        ensure_contacts_for_addresses(
            workspace=cast.workspace, actor=cast.crm, kind="email", addresses=["n@example.org", "nobody", ""]
        )
    assert set(refusal.value.extra["by_address"]) == {"nobody", ""}
    assert set(refusal.value.fields) == {"to"}
    with cast.scope():
        assert not Contact.objects.filter(email_key="n@example.org").exists()


def test_a_channel_without_addresses_is_refused(cast):
    with pytest.raises(InvalidInput) as refusal:
        ensure_contact_for_address(workspace=cast.workspace, actor=cast.crm, channel="ads", address="n@example.org")
    assert set(refusal.value.fields) == {"channel"}


def test_ten_thousand_addresses_take_a_few_statements(cast, django_assert_max_num_queries):
    addresses = [f"person{n}@example.net" for n in range(10_000)]
    with django_assert_max_num_queries(30):
        found = ensure_contacts_for_addresses(
            workspace=cast.workspace, actor=cast.crm, kind="email", addresses=addresses
        )
    assert len({contact.id for contact in found.values()}) == 10_000
    entries = AuditEntry.objects.filter(action="contact.created", actor_id=cast.crm.principal_id)
    assert sum(len(entry.subjects) for entry in entries) == 10_000


def test_an_organisation_is_known_by_its_name_in_any_spelling(cast):
    first = ensure_organisations(workspace=cast.workspace, actor=cast.ada, names=["Clean Energy Now"])
    again = ensure_organisations(workspace=cast.workspace, actor=cast.ada, names=["clean  ENERGY now", "Other"])
    assert again["clean  ENERGY now"].id == first["Clean Energy Now"].id
    with cast.scope():
        assert Organisation.objects.count() == 2


def test_an_organisations_name_is_taken_once(cast):
    create_organisation(workspace=cast.workspace, actor=cast.ada, name="Clean Energy Now")
    second = create_organisation(workspace=cast.workspace, actor=cast.ada, name="Second")
    with pytest.raises(Conflict):
        create_organisation(workspace=cast.workspace, actor=cast.ada, name="CLEAN energy now")
    with pytest.raises(Conflict):
        update_organisation(
            workspace=cast.workspace, actor=cast.ada, organisation_id=second.id, name="clean energy now"
        )


@pytest.mark.parametrize("website", ["javascript:alert(1)", "example.org", "ftp://example.org"])
def test_an_organisations_website_is_a_web_address(cast, website):
    with pytest.raises(InvalidInput) as refusal:
        create_organisation(workspace=cast.workspace, actor=cast.ada, name="A", website=website)
    assert set(refusal.value.fields) == {"website"}


def test_an_organisation_with_contacts_stays(cast):
    organisation = create_organisation(workspace=cast.workspace, actor=cast.ada, name="A")
    make_contact(cast.workspace, cast.ada, organisation=organisation)
    with pytest.raises(ProtectedError), cast.scope():
        organisation.delete()
