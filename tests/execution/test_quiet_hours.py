"""The hours in which people may be reached, held before the send by the database's clock."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.services import update_contact
from execution import propose
from execution.engine.load import load_facts, read_ground
from execution.engine.preflight import preflight
from execution.models import ExecutionRequest, SendWindow
from execution.services import decisions, lifecycle
from execution.services.accounts import save_account
from execution.services.windows import delete_window, set_window
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import again, approved_email, drain_due
from tests.machine.recorder import Service
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry, Mode
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting(cast: Cast, service: Service) -> None:
    save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Texts",
        channel="sms",
        provider="recorder",
        host="sms.example.org",
        is_default=True,
        secret="a secret of the tests",
    )


def approved_text(cast: Cast, **more: Any) -> ExecutionRequest:
    """A text message to Alice, approved by Rosa."""
    arguments: dict[str, Any] = {"contact": cast.alice, **more}
    if "to" in more:
        arguments.pop("contact")
    request = propose(
        workspace=cast.workspace, actor=cast.ada, channel="sms", payload={"text": "Tuesday at ten"}, **arguments
    )
    return decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)


def turn_to(clock: StoppedClock, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Let time pass until it is that time of a day in UTC."""
    now = database_now().astimezone(UTC)
    there = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    clock.advance(((there - now) % timedelta(days=1)).total_seconds())
    return database_now().astimezone(UTC)


def live_in(cast: Cast, zone: str) -> None:
    update_contact(workspace=cast.workspace, actor=cast.ada, contact_id=cast.alice.id, time_zone=zone)


@pytest.mark.parametrize(
    ("hour", "minute", "second", "goes"),
    [(2, 29, 59, False), (2, 30, 0, True), (15, 29, 59, True), (15, 30, 0, False), (20, 0, 0, False)],
)
def test_a_text_goes_from_eight_to_nine_in_the_evening_of_its_recipient(
    cast, service, texting, clock, hour, minute, second, goes
):
    live_in(cast, "Asia/Kolkata")  # 5:30 ahead of UTC, on every day
    turn_to(clock, hour, minute, second)
    request = approved_text(cast)
    drain_due(cast)
    now = again(cast, request)
    assert (len(service.calls), now.status) == ((1, Status.SUCCEEDED) if goes else (0, Status.APPROVED))


def test_what_comes_too_late_waits_for_eight_the_next_morning(cast, service, texting, clock):
    live_in(cast, "Asia/Kolkata")
    now = turn_to(clock, 16)
    request = approved_text(cast)
    drain_due(cast)
    waits = again(cast, request)
    opens = (now + timedelta(days=1)).replace(hour=2, minute=30)
    assert (waits.wait_reason, waits.due_at) == ("quiet_hours", opens)
    clock.advance((opens - now).total_seconds())
    drain_due(cast)
    assert len(service.calls) == 1


def test_nobody_runs_a_text_at_night_by_hand(cast, service, texting, clock):
    live_in(cast, "Asia/Kolkata")
    turn_to(clock, 20)
    request = approved_text(cast)
    with pytest.raises(Conflict, match="Outside the hours"):
        lifecycle.run_now(workspace=cast.workspace, actor=cast.rosa, request_id=request.id)
    assert service.calls == []


def test_a_zone_guessed_from_the_number_is_unknown(cast, service, texting, clock):
    """Half past eight in New York, where the number comes from, is before dawn in Hawaii."""
    with cast.scope():
        cast.alice.refresh_from_db()
    assert cast.alice.time_zone_is_guess
    turn_to(clock, 13, 30)
    request = approved_text(cast)
    drain_due(cast)
    waits = again(cast, request)
    assert waits.due_at is not None
    assert (service.calls, waits.wait_reason, waits.due_at.astimezone(UTC).hour) == ([], "quiet_hours", 18)


def test_a_number_of_no_country_waits_until_its_contact_has_a_zone(cast, service, texting, clock):
    request = approved_text(cast, to="+80012345678")
    told = preflight(request=again(cast, request))
    (check,) = (check for check in told.checks if check.name == "quiet_hours")
    assert (told.would_send, told.earliest, "Give the contact a time zone" in check.detail) == (False, None, True)
    drain_due(cast)
    assert (service.calls, again(cast, request).wait_reason) == ([], "quiet_hours")


def test_the_preflight_says_why_it_waits_and_until_when(cast, service, texting, clock):
    live_in(cast, "Asia/Kolkata")
    now = turn_to(clock, 20)
    told = preflight(request=again(cast, approved_text(cast)))
    opens = (now + timedelta(days=1)).replace(hour=2, minute=30)
    (check,) = (check for check in told.checks if not check.ok)
    assert (told.earliest, check.name) == (opens, "quiet_hours")
    assert check.detail == (
        "Outside the hours in which it may reach people (08:00 to 21:00, Asia/Kolkata); "
        f"until {opens:%Y-%m-%d %H:%M} UTC."
    )


def test_a_rehearsal_keeps_to_no_hours(cast, service, texting, clock):
    set_setting(key="mode", value=Mode.DRY_RUN, workspace=cast.workspace, actor=cast.omar)
    cast.workspace.refresh_from_db()
    live_in(cast, "Asia/Kolkata")
    turn_to(clock, 20)
    request = approved_text(cast)
    drain_due(cast)
    assert (again(cast, request).status, service.calls) == (Status.SUCCEEDED, [])


def test_mail_goes_at_any_hour_until_somebody_sets_a_window(cast, service, account, clock):
    live_in(cast, "Asia/Kolkata")
    turn_to(clock, 20)
    approved_email(cast)
    drain_due(cast)
    assert len(service.calls) == 1
    set_window(workspace=cast.workspace, actor=cast.omar, channel="email", opens=time(9), closes=time(17))
    request = approved_email(cast)
    drain_due(cast)
    assert (len(service.calls), again(cast, request).wait_reason) == (1, "quiet_hours")
    delete_window(workspace=cast.workspace, actor=cast.omar, channel="email")
    drain_due(cast)
    assert len(service.calls) == 2


def test_a_window_narrows_what_the_law_allows_and_never_widens_it(cast, service, texting, clock):
    live_in(cast, "Asia/Kolkata")
    set_window(workspace=cast.workspace, actor=cast.omar, channel="sms", opens=time(6), closes=time(10))
    turn_to(clock, 1, 30)  # seven
    early = approved_text(cast)
    drain_due(cast)
    assert again(cast, early).wait_reason == "quiet_hours"
    turn_to(clock, 5)  # half past ten
    late = approved_text(cast)
    drain_due(cast, late)
    assert (service.calls, again(cast, late).wait_reason) == ([], "quiet_hours")


def test_many_requests_take_one_query_for_their_zones(cast, service, texting):
    ids = [approved_text(cast).id for _ in range(3)]
    with cast.scope():
        ground, now = read_ground(workspace=cast.workspace), database_now()

        def queries(some: list[Any]) -> int:
            with CaptureQueriesContext(connection) as found:
                load_facts(ground=ground, ids=some, now=now, manual=False)
            return len(found)

        assert queries(ids) == queries(ids[:1])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"weekdays": "07"}, "weekdays"),
        ({"weekdays": ""}, "weekdays"),
        ({"opens": time(17), "closes": time(9)}, "closes"),
        ({"opens": time(9), "closes": time(9)}, "closes"),
    ],
)
def test_it_names_what_is_wrong_with_a_window(cast, given, field):
    with pytest.raises(InvalidInput) as refused:
        set_window(workspace=cast.workspace, actor=cast.omar, **{"channel": "email", **given})
    assert set(refused.value.fields) == {field}


def test_a_window_is_an_administrators_and_on_record(cast):
    for actor in (cast.rosa, cast.crm):
        with pytest.raises(NotPermitted):
            set_window(workspace=cast.workspace, actor=actor, channel="email")
    set_window(workspace=cast.workspace, actor=cast.omar, channel="email", weekdays="43210")
    with cast.scope():
        window = SendWindow.objects.get()
    entry = AuditEntry.objects.filter(action="window.changed").get()
    assert (window.weekdays, entry.data["now"]) == ("01234", "08:00 to 21:00")
    with pytest.raises(NotPermitted):
        delete_window(workspace=cast.workspace, actor=cast.rosa, channel="email")
    with pytest.raises(NotFound):
        delete_window(workspace=cast.workspace, actor=cast.omar, channel="sms")
