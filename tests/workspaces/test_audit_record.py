"""Writing audit entries: in the transaction of what they record, under a registered name, with a hash that fits."""

import hashlib

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import make_cast
from workspaces import audit
from workspaces.audit import Entry, record, record_many, sentence_for
from workspaces.audit.actions import registered
from workspaces.audit.hashing import merkle_root
from workspaces.audit.verify import verify
from workspaces.ids import new_id
from workspaces.models import AuditEntry

audit.register({"test.happened": "{actor} did {what} to {count} things"})

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def happen(cast, **changes):
    fields = {"action": "test.happened", "actor": cast.rosa, "workspace_id": cast.workspace.id, "data": {}}
    return record(**{**fields, **changes})


def test_an_entry_outside_a_transaction_is_refused(live_db):
    cast = make_cast()
    with pytest.raises(RuntimeError, match="in the transaction"):
        happen(cast)


def test_an_unregistered_action_is_refused(cast):
    with pytest.raises(ValueError, match="Register the audit action"):
        happen(cast, action="test.unheard_of")


def test_an_entry_goes_with_what_it_records(cast):
    before = AuditEntry.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        happen(cast)
        raise ZeroDivisionError
    assert AuditEntry.objects.count() == before


def test_it_keeps_who_what_to_what_and_by_which_way(cast):
    entry = happen(cast, subject=cast.alice, data={"what": "good"})
    entry.refresh_from_db()
    assert (entry.actor_id, entry.via, entry.action) == (cast.rosa.principal_id, "python", "test.happened")
    assert (entry.subject_type, entry.subject_id) == ("contacts.contact", cast.alice.id)


def test_entries_of_one_act_share_a_correlation_and_one_statement(cast, django_assert_num_queries):
    entries = [Entry(action="test.happened", workspace_id=cast.workspace.id) for _ in range(10)]
    with django_assert_num_queries(2):  # the transaction's number, the insert
        made = record_many(actor=cast.rosa, entries=entries)
    assert len({entry.correlation for entry in made}) == 1
    assert len({entry.transaction for entry in made}) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(st.text("abc", max_size=3), values, max_size=4), count=st.integers(0, 3))
def test_the_hash_of_any_entry_fits_what_is_read_back(cast, data, count):
    happen(cast, data=data, subjects=[new_id() for _ in range(count)])
    assert verify(workspace_id=cast.workspace.id).bad is None


def test_keys_that_are_numbers_become_text_before_they_are_hashed(cast):
    happen(cast, data={10: "a", 9: "b"})
    assert verify(workspace_id=cast.workspace.id).bad is None


def test_a_name_without_a_dot_is_refused():
    with pytest.raises(ValueError, match="dotted"):
        audit.register({"happened": "{actor}"})


def test_one_name_has_one_sentence():
    audit.register({"test.happened": "{actor} did {what} to {count} things"})
    with pytest.raises(ValueError, match="twice"):
        audit.register({"test.happened": "something else"})


def test_a_sentence_stands_also_where_data_is_missing():
    words = sentence_for(action="test.happened", actor="human:rosa", count=3, data={})
    assert words == "human:rosa did … to 3 things"
    assert sentence_for(action="test.old", actor="human:rosa", count=1, data={}) == "human:rosa: test.old"


def test_every_registered_sentence_can_be_said():
    for action in registered():
        words = sentence_for(action=action, actor="human:rosa", count=1, data={})
        assert words
        assert "{" not in words


def test_a_merkle_root_is_that_of_rfc_9162():
    assert merkle_root([]) == hashlib.sha256(b"").hexdigest()
    one, two, three = (hashlib.sha256(bytes([n])).hexdigest() for n in range(3))

    def leaf_of(item):
        return hashlib.sha256(b"\x00" + bytes.fromhex(item)).digest()

    def node(left, right):
        return hashlib.sha256(b"\x01" + left + right).digest()

    assert merkle_root([one]) == leaf_of(one).hex()
    assert merkle_root([one, two]) == node(leaf_of(one), leaf_of(two)).hex()
    assert merkle_root([one, two, three]) == node(node(leaf_of(one), leaf_of(two)), leaf_of(three)).hex()
    assert merkle_root([one, two]) != merkle_root([two, one])
