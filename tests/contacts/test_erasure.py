"""Erasing a person: nothing of them in plain text, the log intact, and no way back in."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from contacts.models import Contact, Suppression
from contacts.selectors import search_contacts, suppressed_keys, suppressions
from contacts.services import (
    erase_contact,
    import_contacts,
    lift_suppression,
    record_consent,
    suppress,
    update_contact,
)
from contacts.signals import contact_erased
from tests.builders import make_contact
from workspaces.errors import Conflict, NotFound, NotPermitted
from workspaces.models import AuditEntry

CANARIES = ("canaryname", "canarymail", "7005550142", "canarynote", "canaryproof", "canaryhandle", "canarytag")


@pytest.fixture
def known(cast):
    """Somebody with personal data in every place there is."""
    contact = make_contact(
        cast.workspace,
        cast.ada,
        name="Canaryname",
        email="canarymail@example.org",
        phone="+17005550142",
        notes="canarynote",
        source="canarysource",
        handles={"x": "canaryhandle"},
        tags=["canarytag"],
    )
    record_consent(
        workspace=cast.workspace,
        actor=cast.ada,
        contact_ids=[contact.id],
        purpose="email",
        basis="consent",
        source="form of canarymail",
        evidence="canaryproof",
    )
    row = suppress(
        workspace=cast.workspace, actor=cast.ada, kind="email", address=contact.email, reason="bounce", source="canary"
    )
    lift_suppression(workspace=cast.workspace, actor=cast.rosa, suppression_id=row.id, reason="canaryname wrote")
    return contact


def plain_text_of_the_database() -> str:
    """Every row of every table of ours, as text."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT row.*::text FROM {table} AS row")  # noqa: S608 (our own tables)
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found).lower()


def test_nothing_stays_in_plain_text(cast, known):
    assert all(canary in plain_text_of_the_database() for canary in CANARIES)
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    left = plain_text_of_the_database()
    assert [canary for canary in (*CANARIES, "canary") if canary in left] == []


def test_every_text_of_a_contact_is_blank(cast, known):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    with cast.scope():
        contact = Contact.objects.get(pk=known.pk)
    texts = [f.name for f in Contact._meta.fields if isinstance(f, models.CharField | models.TextField)]
    kept = {name for name in texts if getattr(contact, name)} - {"kind", "last_contacted_channel"}
    assert kept == set()
    assert contact.is_erased
    assert str(contact) == "Erased contact"


def test_the_addresses_stay_suppressed_by_their_hash_alone(cast, known):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    for kind, address in (
        ("email", "Canarymail+x@example.org"),
        ("phone", "+17005550142"),
        ("handle", "x:canaryhandle"),
    ):
        assert suppressed_keys(workspace_id=cast.workspace.id, kind=kind, addresses=[address]) == {address}
    with cast.scope():
        assert not Suppression.objects.exclude(address=None).filter(reason="legal").exists()
    assert suppressions(workspace=cast.workspace, address="canarymail@example.org").count() == 1


def test_an_import_does_not_bring_the_person_back(cast, known):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    result = import_contacts(
        workspace=cast.workspace,
        actor=cast.ada,
        data=b"email,phone\nCANARYMAIL@example.org,\n,+1 700 555 0142\nnew@example.org,\n",
    )
    assert (result.created, result.suppressed) == (1, 2)
    assert not search_contacts(workspace=cast.workspace, q="canarymail").exists()


def test_it_is_on_record_by_id(cast, known):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    entry = AuditEntry.objects.filter(action="contact.erased").get()
    assert (entry.subject_id, entry.actor_id, entry.data) == (known.id, cast.omar.principal_id, {})


def test_erasing_twice_is_erasing_once(cast, known):
    for _ in range(2):
        erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    assert AuditEntry.objects.filter(action="contact.erased").count() == 1


def test_an_erased_contact_stays_erased(cast, known):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    with pytest.raises(Conflict):
        update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=known.id, name="Back")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_contact SET name = 'Back' WHERE is_erased")


@pytest.mark.parametrize("who", ["rosa", "ada", "vic", "crm", "writer"])
def test_only_who_manages_the_workspace_erases(cast, known, who):
    with pytest.raises(NotPermitted):
        erase_contact(workspace=cast.workspace, actor=getattr(cast, who), contact_id=known.id)


def test_another_workspaces_contact_is_not_found(cast, other):
    with pytest.raises(NotFound):
        erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=other.oscar.id)


def test_whoever_keeps_copies_is_told(cast, known, django_capture_on_commit_callbacks):
    heard = []

    def hear(**news):
        heard.append((news["workspace_id"], news["contact_id"]))

    contact_erased.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=known.id)
    finally:
        contact_erased.disconnect(hear)
    assert heard == [(cast.workspace.id, known.id)]
