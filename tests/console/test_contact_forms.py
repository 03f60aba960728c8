"""The forms of contacts and suppressions, their actions, and the import."""

import pytest

from contacts.models import ConsentEvent, Contact, Organisation, Suppression
from tests.console.browsing import upload
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_it_adds_and_changes_a_contact(cast, at):
    ada = at("ada")
    data = {
        "kind": "person",
        "name": "Dora Dean",
        "email": "Dora@Example.org",
        "tags": "energy, Committee",
        "handles": "{}",
    }
    answer = ada.post("contacts/contact/add/", data)
    with cast.scope():
        contact = Contact.objects.get(name="Dora Dean")
        assert {tag.slug for tag in contact.tags.all()} == {"energy", "committee"}
    assert answer["Location"].endswith(f"/contacts/contact/{contact.pk}/change/")
    ada.post(f"contacts/contact/{contact.pk}/edit/", {**data, "title": "Director"})
    assert "Director" in ada.text(f"contacts/contact/{contact.pk}/change/")
    assert AuditEntry.objects.filter(action="contact.created", subject_id=contact.pk).exists()


def test_it_shows_what_is_wrong_with_a_contact_at_its_field(cast, at):
    answer = at("ada").post(
        "contacts/contact/add/", {"kind": "person", "name": "X", "email": "nonsense", "handles": "{}"}
    )
    assert answer.status_code == 200
    assert "email" in answer.content.decode()
    with cast.scope():
        assert not Contact.objects.filter(name="X").exists()


def test_it_keeps_no_history_of_its_own_with_names_in_the_clear(cast, at):
    from django.contrib.admin.models import LogEntry

    at("ada").post("contacts/organisation/add/", {"name": "Acme", "kind": "company"})
    with cast.scope():
        assert Organisation.objects.filter(name="Acme").exists()
    assert not LogEntry.objects.exists()


def test_it_records_consent_suppresses_lifts_and_erases(cast, rosa, owner):
    page = f"contacts/contact/{cast.bob.pk}/"
    given = {"purpose": "email", "status": "granted", "basis": "consent", "source": "a call"}
    rosa.post(page + "consent/", {**given, "basis": ""})
    with cast.scope():
        assert not ConsentEvent.objects.filter(contact=cast.bob).exists()
    rosa.post(page + "consent/", given)
    rosa.post(page + "suppress/", {"kind": "email", "reason": "manual"})
    assert "Suppressed: bob@example.org" in rosa.text(page + "change/")
    with cast.scope():
        row = Suppression.objects.get(address="bob@example.org")
        assert ConsentEvent.objects.filter(contact=cast.bob).count() == 1
    rosa.post(f"contacts/suppression/{row.pk}/lift/", {"reason": "They asked."})
    with cast.scope():
        assert Suppression.objects.get(pk=row.pk).lifted_at
    owner.post(page + "erase/", {"word": "no"})
    with cast.scope():
        assert not Contact.objects.get(pk=cast.bob.pk).is_erased
    owner.post(page + "erase/", {"word": "Erase"})
    with cast.scope():
        assert Contact.objects.get(pk=cast.bob.pk).is_erased


def test_it_imports_contacts_all_or_nothing(cast, at):
    ada = at("ada")
    wrong = ada.post("contacts/contact/import/", {"file": upload("name,email\nAnn,ann@example.org\nBen,nonsense\n")})
    assert wrong.status_code == 400
    assert "row 3" in wrong.content.decode()
    fine = "name,email\nAnn,ann@example.org\nBen,ben@example.org\n"
    assert (
        "What it would do" in ada.post("contacts/contact/import/", {"file": upload(fine), "look": "1"}).content.decode()
    )
    with cast.scope():
        assert not Contact.objects.filter(name="Ann").exists()
    ada.post("contacts/contact/import/", {"file": upload(fine)})
    with cast.scope():
        assert Contact.objects.filter(name__in=["Ann", "Ben"]).count() == 2


def test_it_adds_a_suppression(cast, at):
    at("ada").post(
        "contacts/suppression/add/", {"kind": "email", "address": "Never@Example.org", "reason": "manual", "source": ""}
    )
    with cast.scope():
        assert Suppression.objects.filter(address__iexact="never@example.org").exists()
