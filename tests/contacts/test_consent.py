"""Consent: recorded, withdrawn, and what is in force."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from contacts.models import ConsentEvent
from contacts.models.append_only import AppendOnlyError
from contacts.selectors import consent_for, consent_states, consents_of, timeline_of
from contacts.services import record_consent, withdraw_consent
from contacts.signals import consent_changed
from tests.builders import make_contact
from workspaces.errors import InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry


def record(cast, contact, **changes):
    fields = {
        "workspace": cast.workspace,
        "actor": cast.ada,
        "contact_ids": [contact.id],
        "purpose": "email",
        "basis": "consent",
        "source": "sign-up form",
    }
    return record_consent(**{**fields, **changes})


def in_force(cast, *contacts, purpose="email"):
    return consent_for(workspace=cast.workspace, contact_ids=[c.id for c in contacts], purpose=purpose)


def test_it_tells_granted_from_never_asked(cast):
    assert in_force(cast, cast.alice, cast.bob) == {cast.alice.id: True}


def test_a_consent_is_for_one_purpose(cast):
    record(cast, cast.bob, purpose="newsletter")
    assert in_force(cast, cast.bob) == {}
    assert in_force(cast, cast.bob, purpose="newsletter") == {cast.bob.id: True}


def test_a_withdrawal_is_the_last_word(cast):
    withdraw_consent(workspace=cast.workspace, actor=cast.ada, contact_ids=[cast.alice.id], purpose="email")
    assert in_force(cast, cast.alice) == {cast.alice.id: False}


def test_a_consent_given_earlier_does_not_undo_a_withdrawal_told_before(cast):
    withdraw_consent(workspace=cast.workspace, actor=cast.ada, contact_ids=[cast.alice.id], purpose="email")
    record(cast, cast.alice, at=timezone.now() - timedelta(days=400))
    assert in_force(cast, cast.alice) == {cast.alice.id: False}


def test_of_two_at_one_moment_the_withdrawal_counts(cast):
    at = timezone.now()
    withdraw_consent(workspace=cast.workspace, actor=cast.ada, contact_ids=[cast.bob.id], purpose="sms", at=at)
    record(cast, cast.bob, purpose="sms", at=at)
    assert in_force(cast, cast.bob, purpose="sms") == {cast.bob.id: False}


def test_it_keeps_the_basis_and_the_proof(cast):
    (event,) = record(cast, cast.bob, basis="public_office", source="senate.example/contact", evidence="Page of 3 May.")
    state = consent_states(workspace=cast.workspace, contact_ids=[cast.bob.id], purpose="email")[cast.bob.id]
    assert (state.basis, state.source, state.event_id) == ("public_office", "senate.example/contact", event.id)
    assert [e.evidence for e in consents_of(contact=cast.bob)] == ["Page of 3 May."]


def test_many_contacts_take_one_query(cast, django_assert_num_queries):
    contacts = [make_contact(cast.workspace, cast.ada) for _ in range(20)]
    record(cast, cast.bob, contact_ids=[contact.id for contact in contacts])
    with django_assert_num_queries(1):
        assert set(in_force(cast, *contacts).values()) == {True}


@pytest.mark.parametrize("who", ["crm", "writer", "vic"])
def test_it_takes_no_consent_from_a_service_an_agent_or_a_viewer(cast, who):
    with pytest.raises(NotPermitted):
        record(cast, cast.bob, actor=getattr(cast, who))
    assert in_force(cast, cast.bob) == {}


def test_a_service_may_report_a_withdrawal(cast):
    withdraw_consent(workspace=cast.workspace, actor=cast.crm, contact_ids=[cast.alice.id], purpose="email")
    assert in_force(cast, cast.alice) == {cast.alice.id: False}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("basis", "because"),
        ("source", " "),
        ("purpose", "E-mail!"),
        ("at", timezone.now().replace(tzinfo=None)),
        ("at", timezone.now() + timedelta(days=1)),
        ("evidence", "a\x00b"),
    ],
)
def test_it_names_the_field_that_is_wrong(cast, field, value):
    with pytest.raises(InvalidInput) as refusal:
        record(cast, cast.bob, **{field: value})
    assert set(refusal.value.fields) == {field}


def test_it_records_nothing_where_one_contact_is_anothers(cast, other):
    with pytest.raises(NotFound):
        record(cast, cast.bob, contact_ids=[cast.bob.id, other.oscar.id])
    assert in_force(cast, cast.bob) == {}


def test_it_is_on_record_and_in_the_timeline(cast):
    record(cast, cast.bob)
    entry = AuditEntry.objects.filter(action="consent.recorded").latest("id")
    assert entry.subjects == [str(cast.bob.id)]
    assert entry.data == {"purpose": "email", "basis": "consent"}
    assert timeline_of(contact=cast.bob)[0].summary == "Lawful basis for email: consent"


@pytest.mark.parametrize("act", ["save", "delete", "update", "delete_all"])
def test_history_does_not_change(cast, act):
    with cast.scope():
        event = ConsentEvent.objects.all()[0]
        with pytest.raises(AppendOnlyError):
            if act == "update":
                ConsentEvent.objects.update(status="granted")
            elif act == "delete_all":
                ConsentEvent.objects.all().delete()
            else:
                getattr(event, act)()


def test_the_news_goes_out_after_the_commit(cast, django_capture_on_commit_callbacks):
    heard = []

    def hear(**news):
        assert not connection.needs_rollback
        heard.append((news["contact_ids"], news["purpose"], news["status"]))

    consent_changed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            record(cast, cast.bob)
            assert heard == []
    finally:
        consent_changed.disconnect(hear)
    assert heard == [([cast.bob.id], "email", "granted")]
