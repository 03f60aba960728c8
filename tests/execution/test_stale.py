"""What was due too long ago asks a person first."""

from datetime import time, timedelta

import pytest

from execution import hold, release
from execution.channels import registry
from execution.services.limits import set_limit
from execution.services.stale import release_stale
from execution.services.windows import set_window
from execution.states import Status
from tests.execution.arranged import again, alerts, approved_email, drain_due
from tests.machine.recorder import Answer
from workspaces.clock import database_now
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db

DAY = 86_400


@pytest.mark.parametrize(("name", "hours"), [("email", 24), ("sms", 1), ("voice", 1), ("social", 6), ("press", 24)])
def test_a_channel_has_its_allowance(name, hours):
    assert registry.get(name).overdue_seconds == hours * 3_600


@pytest.mark.parametrize(("seconds", "goes"), [(DAY, True), (DAY + 1, False)])
def test_after_an_outage_of_more_than_a_day_a_mail_waits_for_a_person(cast, service, account, clock, seconds, goes):
    request = approved_email(cast)
    clock.advance(seconds)
    drain_due(cast)
    now = again(cast, request)
    assert (len(service.calls), now.wait_reason, "stale" in alerts(cast)) == (
        (1, "", False) if goes else (0, "stale", True)
    )


def test_after_a_long_hold_too(cast, service, account, clock):
    hold(scope="channel:email", reason="Calm", actor=cast.ada, workspace=cast.workspace)
    request = approved_email(cast)
    drain_due(cast)
    clock.advance(DAY + 1)
    release(scope="channel:email", reason="Go", actor=cast.omar, workspace=cast.workspace)
    drain_due(cast)
    assert (service.calls, again(cast, request).wait_reason) == ([], "stale")


def test_it_is_counted_from_its_schedule_where_that_is_later(cast, service, account, clock):
    request = approved_email(cast, scheduled_for=database_now() + timedelta(days=2))
    clock.advance(3 * DAY)
    drain_due(cast)
    assert again(cast, request).status == Status.SUCCEEDED


def test_the_time_it_waited_for_a_limit_does_not_count(cast, service, account, clock):
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", count=1, period_seconds=2 * DAY)
    first, second = approved_email(cast), approved_email(cast)
    drain_due(cast)
    assert (len(service.calls), again(cast, second).wait_reason or again(cast, first).wait_reason) == (
        1,
        "limit:email_send",
    )
    clock.advance(2 * DAY + 1)
    drain_due(cast)
    assert len(service.calls) == 2


def test_nor_does_the_time_it_waited_for_its_hours(cast, service, account, clock):
    today = database_now().weekday()
    days = str((today + 2) % 7)
    cast.alice.time_zone = "UTC"
    cast.alice.time_zone_is_guess = False
    with cast.scope():
        cast.alice.save()
    set_window(workspace=cast.workspace, actor=cast.omar, channel="email", weekdays=days, opens=time(), closes=time())
    request = approved_email(cast)
    drain_due(cast)
    waits = again(cast, request)
    assert waits.due_at is not None
    clock.advance((waits.due_at - database_now()).total_seconds() + 60)
    drain_due(cast)
    assert (waits.wait_reason, again(cast, request).status) == ("quiet_hours", Status.SUCCEEDED)


def test_a_new_try_counts_from_its_own_time(cast, service, account, clock):
    service.script.before = lambda call: Answer.BUSY
    request = approved_email(cast)
    clock.advance(DAY - 5)
    drain_due(cast)
    waits = again(cast, request)
    assert (waits.wait_reason, waits.overdue_from) == ("backoff", waits.due_at)


def test_a_person_releases_it_with_a_reason_and_it_goes(cast, service, account, clock):
    first, second = approved_email(cast), approved_email(cast)
    clock.advance(DAY + 1)
    drain_due(cast)
    ids = [first.id, second.id]
    with pytest.raises(InvalidInput):
        release_stale(workspace=cast.workspace, actor=cast.rosa, ids=ids, reason=" ")
    for actor in (cast.ada, cast.crm, cast.writer):
        with pytest.raises(NotPermitted):
            release_stale(workspace=cast.workspace, actor=actor, ids=ids, reason="Go")
    assert release_stale(workspace=cast.workspace, actor=cast.rosa, ids=ids[:1], reason="Still true") == ids[:1]
    drain_due(cast)
    assert (again(cast, first).status, again(cast, second).wait_reason) == (Status.SUCCEEDED, "stale")
    entry = AuditEntry.objects.filter(action="request.stale_released").get()
    assert (entry.actor_id, entry.data["count"], entry.data["reason"]) == (cast.rosa.principal_id, 1, "Still true")


def test_what_does_not_wait_as_stale_is_passed_over(cast, service, account, clock):
    request = approved_email(cast)
    assert release_stale(workspace=cast.workspace, actor=cast.rosa, ids=[request.id], reason="Go") == []
    assert not AuditEntry.objects.filter(action="request.stale_released").exists()
