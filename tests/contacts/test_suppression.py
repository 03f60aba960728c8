"""Suppression: who must not be written to, in whatever spelling, until a person says otherwise."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Suppression
from contacts.selectors import (
    search_contacts,
    suppressed_keys,
    suppressions,
    suppressions_of,
    timeline_of,
)
from contacts.services import lift_suppression, suppress
from contacts.signals import address_suppressed
from tests.builders import make_cast, make_contact
from workspaces.actors import system_actor
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry, Workspace


def block(cast, address="bob@example.org", **changes):
    fields = {"workspace": cast.workspace, "actor": cast.ada, "kind": "email", "reason": "opt_out", "source": "test"}
    return suppress(**{**fields, "address": address, **changes})


def blocked(cast, *addresses, kind="email"):
    return suppressed_keys(workspace_id=cast.workspace.id, kind=kind, addresses=addresses)


@pytest.mark.parametrize(
    ("suppressed", "written"),
    [
        ("bob@example.org", "BOB@Example.ORG"),
        ("A+b@Ex.com", "a@ex.com"),
        ("a@ex.com", "A+anything@ex.com"),
        ("bob@bücher.example", "Bob@xn--bcher-kva.example"),
        ("bob@example.org", "bob@example.org."),
        ("bob.brown@gmail.com", "bobbrown+x@googlemail.com"),
    ],
)
def test_it_finds_an_address_in_any_spelling(cast, suppressed, written):
    block(cast, suppressed)
    assert blocked(cast, written, "someone@example.org") == {written}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    local=st.text("abcdefghijklmnopqrstuvwxyzéöß.", min_size=1, max_size=10).filter(
        lambda text: not text.startswith(".") and not text.endswith(".") and ".." not in text
    ),
    tag=st.text("abcxyz019+", max_size=5),
    domain=st.sampled_from(["ex.com", "bücher.example", "gmail.com"]),
    upper=st.booleans(),
)
def test_no_spelling_of_a_suppressed_address_gets_through(cast, local, tag, domain, upper):
    block(cast, f"{local}@{domain}")
    text = f"{local}+{tag}@{domain}"
    written = text.upper() if upper and "ß" not in text else text
    assert blocked(cast, written) == {written}


def test_phones_and_emails_are_suppressed_apart(cast):
    block(cast, "bob@example.org")
    assert blocked(cast, "+12025550102", kind="phone") == set()
    block(cast, "202 555 0102", kind="phone")
    assert blocked(cast, "+12025550102", kind="phone") == {"+12025550102"}


def test_a_handle_is_suppressed_with_its_network(cast):
    block(cast, "x:@Bob", kind="handle")
    assert blocked(cast, "x:bob", "mastodon:bob", kind="handle") == {"x:bob"}


def test_text_that_is_no_address_is_left_out(cast):
    assert blocked(cast, "", "nobody", "Bob <bob@example.org>") == set()


def test_a_hundred_addresses_take_one_query(cast, django_assert_num_queries, django_capture_on_commit_callbacks):
    addresses = [f"person{n}@example.org" for n in range(99)] + ["charlie@example.org"]
    with django_capture_on_commit_callbacks(execute=True):
        blocked(cast, *addresses)  # the workspace's key is read once in a process
    with django_assert_num_queries(1):
        assert blocked(cast, *addresses) == {"charlie@example.org"}


def test_a_workspace_does_not_see_what_another_suppressed(cast, other):
    block(cast, "bob@example.org")
    assert suppressed_keys(workspace_id=other.workspace.id, kind="email", addresses=["bob@example.org"]) == set()


def test_two_workspaces_hash_one_address_apart(cast, other):
    ours = block(cast, "bob@example.org")
    theirs = suppress(
        workspace=other.workspace, actor=other.olga, kind="email", address="bob@example.org", reason="manual"
    )
    assert ours.address_hash != theirs.address_hash


@pytest.mark.django_db
def test_a_key_that_was_rolled_back_is_not_remembered():
    workspace = Workspace.objects.create(slug="fresh", name="Fresh")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        suppressed_keys(workspace_id=workspace.id, kind="email", addresses=["a@example.org"])
        raise ZeroDivisionError
    suppress(
        workspace=workspace,
        actor=system_actor("tests", via="python"),
        kind="email",
        address="a@example.org",
        reason="manual",
    )
    assert suppressed_keys(workspace_id=workspace.id, kind="email", addresses=["a@example.org"]) == {"a@example.org"}


def test_suppressing_twice_is_suppressing_once(cast):
    assert block(cast, "bob@example.org").id == block(cast, "BOB+x@example.org").id


def test_a_more_binding_reason_takes_the_place_of_a_lesser_one(cast):
    bounce = block(cast, reason="bounce")
    complaint = block(cast, reason="complaint")
    assert block(cast, reason="manual").id == complaint.id
    bounce.refresh_from_db()
    assert bounce.lifted_at is not None
    assert [row.reason for row in suppressions(workspace=cast.workspace, address="bob@example.org")] == ["complaint"]


@pytest.mark.parametrize("who", ["ada", "crm", "writer", "rosa"])
def test_anyone_who_may_propose_may_suppress(cast, who):
    block(cast, actor=getattr(cast, who))
    assert blocked(cast, "bob@example.org")


def test_a_viewer_or_a_stranger_may_not(cast, other):
    for actor in (cast.vic, other.olga):
        with pytest.raises(NotPermitted):
            block(cast, actor=actor)
    assert not blocked(cast, "bob@example.org")


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "fax"), ("address", "nobody"), ("reason", "because"), ("source", "a\nb")]
)
def test_it_names_the_field_that_is_wrong(cast, field, value):
    with pytest.raises(InvalidInput) as refusal:
        block(cast, **{field: value})
    assert set(refusal.value.fields) == {field}


@pytest.mark.parametrize("who", ["rosa", "omar"])
def test_an_approver_may_lift_it(cast, who):
    row = block(cast)
    lift_suppression(
        workspace=cast.workspace, actor=getattr(cast, who), suppression_id=row.id, reason="He wrote to us again."
    )
    assert not blocked(cast, "bob@example.org")


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
def test_nobody_else_may_lift_it(cast, who):
    row = block(cast)
    with pytest.raises(NotPermitted):
        lift_suppression(workspace=cast.workspace, actor=getattr(cast, who), suppression_id=row.id, reason="x")
    assert blocked(cast, "bob@example.org")


def test_the_system_may_not_lift_it_either(cast):
    row = block(cast)
    with pytest.raises(NotPermitted):
        lift_suppression(
            workspace=cast.workspace, actor=system_actor("tests", via="python"), suppression_id=row.id, reason="x"
        )


@pytest.mark.parametrize("reason", ["opt_out", "complaint", "legal"])
def test_lifting_what_its_owner_asked_for_takes_a_reason(cast, reason):
    row = block(cast, reason=reason)
    with pytest.raises(InvalidInput) as refusal:
        lift_suppression(workspace=cast.workspace, actor=cast.rosa, suppression_id=row.id, reason="  ")
    assert set(refusal.value.fields) == {"reason"}
    assert blocked(cast, "bob@example.org")


def test_a_bounce_is_lifted_without_one(cast):
    row = block(cast, reason="bounce")
    lift_suppression(workspace=cast.workspace, actor=cast.rosa, suppression_id=row.id)
    assert not blocked(cast, "bob@example.org")


def test_it_is_lifted_once_and_can_be_set_again(cast):
    row = block(cast, reason="bounce")
    lift_suppression(workspace=cast.workspace, actor=cast.rosa, suppression_id=row.id)
    with pytest.raises(Conflict):
        lift_suppression(workspace=cast.workspace, actor=cast.rosa, suppression_id=row.id)
    assert block(cast).id != row.id
    assert blocked(cast, "bob@example.org")


def test_another_workspaces_suppression_is_not_found(cast, other):
    row = block(cast)
    with pytest.raises(NotFound):
        lift_suppression(workspace=other.workspace, actor=other.otto, suppression_id=row.id, reason="x")


def test_it_is_on_record_without_the_address(cast):
    row = block(cast, "bob@example.org")
    entry = AuditEntry.objects.filter(action="suppression.added", subject_id=row.id).get()
    assert "bob" not in str(entry.data)
    assert entry.data["reason"] == "opt_out"


def test_it_stands_in_the_timeline_of_whom_it_covers(cast):
    tagged = make_contact(cast.workspace, cast.ada, email="bob+news@example.org")
    block(cast, "bob@example.org")
    for contact in (cast.bob, tagged):
        assert timeline_of(contact=contact)[0].kind == "suppressed"
        assert [row.reason for row in suppressions_of(contact=contact)] == ["opt_out"]


def test_contacts_can_be_told_by_it(cast):
    found = search_contacts(workspace=cast.workspace, suppressed=True)
    assert [contact.name for contact in found] == ["Charlie Clark"]
    left = search_contacts(workspace=cast.workspace, suppressed=False)
    assert {contact.name for contact in left} == {"Alice Adams", "Bob Brown"}


def test_the_news_names_the_address_and_its_contacts_after_the_commit(cast, django_capture_on_commit_callbacks):
    heard = []

    def hear(**news):
        heard.append((news["kind"], news["address"], news["reason"], news["contact_ids"]))

    address_suppressed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            block(cast, "Bob@example.org")
            assert heard == []
    finally:
        address_suppressed.disconnect(hear)
    assert heard == [("email", "Bob@example.org", "opt_out", [cast.bob.id])]


def test_guards_hear_of_each_change(cast):
    before = Workspace.objects.get(pk=cast.workspace.pk).guard_epoch
    row = block(cast, reason="bounce")
    lift_suppression(workspace=cast.workspace, actor=cast.rosa, suppression_id=row.id)
    assert Workspace.objects.get(pk=cast.workspace.pk).guard_epoch == before + 2


def test_the_database_holds_one_active_row_an_address(cast):
    row = block(cast)
    with pytest.raises(IntegrityError), transaction.atomic(), cast.scope():
        Suppression.objects.create(
            workspace=cast.workspace,
            kind=row.kind,
            address_hash=row.address_hash,
            reason="manual",
            created_by_id=cast.ada.principal_id,
        )


@pytest.mark.race
def test_many_at_once_make_one_row(live_db):
    cast = make_cast()
    start = threading.Barrier(8)
    made, failed = [], []

    def act() -> None:
        try:
            start.wait(timeout=30)
            made.append(block(cast, "bob@example.org").id)
        except Exception as error:  # noqa: BLE001 (a thread's failure is the test's)
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    assert len(set(made)) == 1


@pytest.mark.race
def test_a_new_workspace_gets_one_key_however_many_ask_at_once(live_db):
    workspace = Workspace.objects.create(slug="fresh", name="Fresh")
    start = threading.Barrier(6)
    failed = []

    def act(number: int) -> None:
        try:
            start.wait(timeout=30)
            suppress(
                workspace=workspace,
                actor=system_actor("tests", via="python"),
                kind="email",
                address=f"person{number}@example.org",
                reason="manual",
            )
        except Exception as error:  # noqa: BLE001 (a thread's failure is the test's)
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    addresses = {f"person{number}@example.org" for number in range(6)}
    assert failed == []
    assert suppressed_keys(workspace_id=workspace.id, kind="email", addresses=addresses) == addresses
