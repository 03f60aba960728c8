"""Marking contacts as contacted, and timelines."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from contacts.models import Contact, TimelineEvent
from contacts.models.append_only import AppendOnlyError
from contacts.selectors import timeline_of
from contacts.services import Happening, Touch, add_events, erase_contact, mark_contacted
from tests.builders import make_cast, make_contact
from workspaces.actors import system_actor
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.ids import new_id


def mark(cast, *touches, at=None, dry_run=False, channel="email", actor=None):
    return mark_contacted(
        workspace=cast.workspace,
        actor=actor or system_actor("poll"),
        touches=touches,
        channel=channel,
        at=at or timezone.now(),
        dry_run=dry_run,
    )


def fresh(cast, contact):
    with cast.scope():
        return Contact.objects.get(pk=contact.pk)


def test_it_marks_who_was_reached(cast):
    at, request_id, plan_id = timezone.now(), new_id(), new_id()
    touch = Touch(contact_id=cast.alice.id, request_id=request_id, plan_id=plan_id, summary="Energy bill")
    assert mark(cast, touch, at=at) == 1
    alice = fresh(cast, cast.alice)
    assert (alice.last_contacted_at, alice.last_contacted_channel, alice.last_dry_run_at) == (at, "email", None)
    event = timeline_of(contact=cast.alice)[0]
    assert (event.kind, event.summary, event.at) == ("contacted", "Energy bill", at)
    assert (event.request_id, event.plan_id, event.is_dry_run) == (request_id, plan_id, False)


def test_a_dry_run_is_never_taken_for_a_contact(cast):
    at = timezone.now()
    mark(cast, Touch(contact_id=cast.alice.id, request_id=new_id()), at=at, dry_run=True)
    alice = fresh(cast, cast.alice)
    assert (alice.last_contacted_at, alice.last_contacted_channel, alice.last_dry_run_at) == (None, "", at)
    assert timeline_of(contact=cast.alice)[0].is_dry_run


def test_the_date_only_moves_forward(cast):
    now = timezone.now()
    mark(cast, Touch(contact_id=cast.alice.id), at=now)
    mark(cast, Touch(contact_id=cast.alice.id), at=now - timedelta(hours=1), channel="sms")
    alice = fresh(cast, cast.alice)
    assert (alice.last_contacted_at, alice.last_contacted_channel) == (now, "email")


def test_the_same_request_twice_is_one_event(cast):
    touch = Touch(contact_id=cast.alice.id, request_id=new_id())
    before = timeline_of(contact=cast.alice).count()
    mark(cast, touch)
    mark(cast, touch)
    assert timeline_of(contact=cast.alice).count() == before + 1


def test_two_requests_to_one_person_are_two_events(cast):
    before = timeline_of(contact=cast.alice).count()
    mark(cast, *(Touch(contact_id=cast.alice.id, request_id=new_id()) for _ in range(2)))
    assert timeline_of(contact=cast.alice).count() == before + 2


def test_a_chunk_takes_three_statements(cast, django_assert_num_queries):
    contacts = [make_contact(cast.workspace, cast.ada) for _ in range(50)]
    actor = system_actor("poll")
    with django_assert_num_queries(3):
        marked = mark(cast, *(Touch(contact_id=c.id, request_id=new_id()) for c in contacts), actor=actor)
    assert marked == 50


def test_it_leaves_others_out(cast, other):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=cast.bob.id)
    touches = [Touch(contact_id=c.id) for c in (cast.alice, cast.bob, other.oscar)]
    assert mark(cast, *touches) == 1
    with other.scope():
        assert Contact.objects.get(pk=other.oscar.pk).last_contacted_at is None


def test_nobody_to_mark_is_no_statement(cast, django_assert_num_queries):
    actor = system_actor("poll")
    with django_assert_num_queries(0):
        assert mark(cast, actor=actor) == 0


def test_a_viewer_marks_nobody(cast):
    with pytest.raises(NotPermitted):
        mark(cast, Touch(contact_id=cast.alice.id), actor=cast.vic)


def test_news_that_comes_twice_is_written_once(cast):
    news = Happening(contact_id=cast.alice.id, at=timezone.now(), kind="replied", once_key="reply:1")
    for _ in range(2):
        add_events(workspace=cast.workspace, actor=cast.crm, events=[news])
    assert timeline_of(contact=cast.alice).filter(kind="replied").count() == 1


def test_an_event_of_another_workspaces_contact_is_refused(cast, other):
    news = Happening(contact_id=other.oscar.id, at=timezone.now(), kind="replied")
    with pytest.raises(InvalidInput):
        add_events(workspace=cast.workspace, actor=cast.crm, events=[news])
    assert not timeline_of(contact=other.oscar).exists()


def test_a_timeline_reads_newest_first(cast):
    now = timezone.now()
    days = [Happening(contact_id=cast.alice.id, at=now + timedelta(days=n), kind=f"day{n}") for n in (1, 3, 2)]
    add_events(workspace=cast.workspace, actor=cast.crm, events=days)
    assert [event.kind for event in timeline_of(contact=cast.alice)[:3]] == ["day3", "day2", "day1"]


def test_a_timeline_does_not_change(cast):
    with cast.scope(), pytest.raises(AppendOnlyError):
        TimelineEvent.objects.all().delete()


@pytest.mark.race
def test_chunks_with_the_same_people_in_another_order_do_not_deadlock(live_db):
    cast = make_cast()
    contacts = [make_contact(cast.workspace, cast.ada) for _ in range(20)]
    start = threading.Barrier(4)
    failed = []

    def act(order) -> None:
        try:
            start.wait(timeout=30)
            for _ in range(10):
                mark(cast, *(Touch(contact_id=c.id, request_id=new_id()) for c in order))
        except Exception as error:  # noqa: BLE001 (a thread's failure is the test's)
            failed.append(error)
        finally:
            connection.close()

    orders = [contacts, contacts[::-1], contacts[10:] + contacts[:10], contacts[::2] + contacts[1::2]]
    threads = [threading.Thread(target=act, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
