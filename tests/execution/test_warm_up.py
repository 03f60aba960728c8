"""The warm-up of a new sender address: how many a day, from when to when, and what waits."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.alerts.resolving import resolve_over
from execution.alerts.watching import watch_limits
from execution.engine.limits import Full, take
from execution.engine.preflight import preflight
from execution.engine.warm_up import Ramp, in_force, ramp_of
from execution.models import Alert, ExecutionRequest, Limit, LimitMark, ProviderAccount
from execution.selectors import limits_of
from execution.services.accounts import save_account
from execution.services.limits import delete_limit
from execution.states import Status
from tests.builders import Cast
from tests.execution import arranged
from tests.execution.arranged import alerts, approved_email, drain_due
from tests.execution.test_limits import act
from tests.machine.recorder import Service
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import InvalidInput, NotFound
from workspaces.models import AuditEntry, Workspace
from workspaces.scope import workspace_scope

ZONE = "America/New_York"  # that of the workspace
FIRST = date(2026, 3, 2)
DAY = timedelta(days=1)


def ramp(**more: Any) -> Ramp:
    values = {"started_on": FIRST, "first_day": 50, "growth_percent": 50, "target": 1_000, "zone": ZONE, **more}
    return Ramp(**values)


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    """A moment by the workspace's clock."""
    return datetime.combine(day, time(hour, minute), tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


# How many.


def test_each_day_has_so_many_percent_more() -> None:
    assert [ramp().places(at(FIRST + n * DAY)) for n in range(6)] == [50, 75, 113, 170, 255, 383]


def test_each_day_has_at_least_one_more() -> None:
    assert [ramp(first_day=1, growth_percent=1).places(at(FIRST + n * DAY)) for n in range(4)] == [1, 2, 3, 4]


def test_before_the_first_day_it_is_as_on_it() -> None:
    assert ramp().places(at(FIRST - 40 * DAY)) == 50


def test_a_day_ends_at_the_workspaces_midnight() -> None:
    assert [ramp().places(at(FIRST, 23, 59)), ramp().places(at(FIRST + DAY, 0, 0))] == [50, 75]


def test_it_is_over_on_the_first_day_that_would_have_its_target() -> None:
    assert [ramp(target=170).is_over(at(FIRST + n * DAY)) for n in (2, 3, 400)] == [False, True, True]


def test_it_says_when_there_will_be_more() -> None:
    assert ramp().more_at(at(FIRST)) == at(FIRST + DAY, 0)
    assert ramp().more_at(at(FIRST - 9 * DAY)) == at(FIRST + DAY, 0)


def test_a_warm_up_that_runs_for_years_is_told_at_once() -> None:
    assert ramp(target=1_000_000).is_over(at(date(2090, 1, 1)))


# The window.


def set_warm_up(cast: Cast, account: ProviderAccount, **fields: Any) -> ProviderAccount:
    values = {f"warm_up_{name}": value for name, value in fields.items()}
    return save_account(workspace=cast.workspace, actor=cast.omar, account_id=account.pk, **values)


def today(workspace: Workspace) -> date:
    return database_now().astimezone(ZoneInfo(workspace.time_zone)).date()


@pytest.fixture
def noon(cast: Cast, clock: StoppedClock) -> datetime:
    """The clock is put at noon of the workspace's next day."""
    there = at(today(cast.workspace) + DAY)
    clock.advance((there - database_now()).total_seconds())
    return there


@pytest.fixture
def warming(cast: Cast, account: ProviderAccount, noon: datetime) -> ProviderAccount:
    """The account, on the first day of its warm-up: two, then three, then five a day; over at seven."""
    return set_warm_up(cast, account, started_on=today(cast.workspace), first_day=2, target=7)


def taken(account: ProviderAccount, *units: int) -> list[Full | None]:
    """Take places for acts that reach so many people each, in one mark; why each got none."""
    with workspace_scope(account.workspace), transaction.atomic():
        limit = Limit.objects.get(scope=f"warm_up:{account.pk}")
        found = ramp_of(account=account, zone=account.workspace.time_zone)
        assert found is not None
        ramps = {limit.id: found}
        limits = in_force(limits=[limit], ramps=ramps, at=database_now())
        acts = [act(*[f"{n}@example.org" for n in range(unit)], account_id=account.pk) for unit in units]
        full = take(limits=limits, acts=acts, ramps=ramps)
    return [full.get(one.request_id) for one in acts]


def got(account: ProviderAccount, *units: int) -> list[bool]:
    return [full is None for full in taken(account, *units)]


def test_a_day_has_its_own_number_of_places(warming: ProviderAccount, clock: StoppedClock) -> None:
    assert got(warming, 1, 1, 1) == [True, True, False]
    clock.advance(12 * 3_600 - 1)
    assert got(warming, 1) == [False]
    clock.advance(1)  # midnight: one more, while the two of yesterday are still inside 24 hours
    assert got(warming, 1, 1) == [True, False]


def test_what_finds_no_place_waits_for_midnight_or_for_the_window(
    warming: ProviderAccount, noon: datetime, clock: StoppedClock
) -> None:
    clock.advance(-18 * 3_600)
    assert got(warming, 2) == [True]  # at six in the evening of the day before
    clock.advance(18 * 3_600)
    (full,) = taken(warming, 1)
    assert full is not None
    assert (full.limit, full.until, full.never) == ("warm_up", noon + timedelta(hours=6), False)
    assert "allows 2 in 24 hours today" in full.detail
    clock.advance(6 * 3_600)
    assert got(warming, 2, 1) == [True, False]
    (later,) = taken(warming, 1)
    assert later is not None
    assert later.until == noon + timedelta(hours=12)


@pytest.mark.parametrize(("units", "days"), [(3, 0), (4, 1), (5, 1), (6, 2), (500, 2)])
def test_an_act_too_large_for_today_waits_for_the_day_that_has_room(
    warming: ProviderAccount, noon: datetime, units: int, days: int
) -> None:
    (full,) = taken(warming, units)
    assert full is not None
    assert (full.until, full.never) == (noon + timedelta(hours=12 + 24 * days), False)  # over on the third


def test_one_too_large_for_today_waits_also_for_what_went_today(
    warming: ProviderAccount, noon: datetime, clock: StoppedClock
) -> None:
    assert got(warming, 1) == [True]
    (full,) = taken(warming, 3)
    assert full is not None
    assert full.until == noon + timedelta(hours=24)
    clock.advance(24 * 3_600 - 1)
    assert got(warming, 3) == [False]
    clock.advance(1)
    assert got(warming, 3) == [True]


def test_once_it_is_over_nothing_is_counted(warming: ProviderAccount, clock: StoppedClock) -> None:
    clock.advance(4 * 86_400)
    assert got(warming, *[1] * 20) == [True] * 20
    assert not LimitMark.objects.exists()


STEPS = st.lists(
    st.tuples(st.sampled_from([0, 60, 3_600, 7 * 3_600, 13 * 3_600, 86_399]), st.lists(st.integers(1, 3), max_size=4)),
    max_size=14,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(first=st.integers(1, 4), growth=st.sampled_from([1, 40, 100]), steps=STEPS)
def test_no_24_hours_hold_more_than_their_last_day_allows_and_none_is_left_emptier_than_it_must(
    cast: Cast, account: ProviderAccount, clock: StoppedClock, first: int, growth: int, steps: list[Any]
) -> None:
    set_warm_up(cast, account, started_on=None)
    started = today(cast.workspace)
    saved = set_warm_up(cast, account, started_on=started, first_day=first, growth_percent=growth)
    mine = ramp(started_on=started, first_day=first, growth_percent=growth, target=1_000_000)
    places: list[datetime] = []  # all that were taken, kept by hand

    def has_room(moment: datetime, *, units: int) -> bool:
        return sum(place > moment - DAY for place in places) + units <= mine.places(moment)

    for pause, marks in steps:
        clock.advance(pause)
        now = database_now()
        for units, answer in zip(marks, taken(saved, *marks), strict=True):
            inside = [place for place in places if place > now - DAY]
            assert (answer is None) is (len(inside) + units <= mine.places(now))
            if answer is None:
                places += [now] * units
                continue
            assert has_room(answer.until, units=units)
            assert not has_room(answer.until - timedelta(seconds=1), units=units)


# In the engine.


def waiting(cast: Cast) -> list[ExecutionRequest]:
    with cast.scope():
        return list(ExecutionRequest.objects.filter(status=Status.APPROVED))


def test_what_finds_no_place_waits_and_goes_the_next_day(
    cast: Cast, service: Service, warming: ProviderAccount, noon: datetime, clock: StoppedClock
) -> None:
    for _ in range(3):
        approved_email(cast)
    drain_due(cast)
    (row,) = waiting(cast)
    midnight = noon + timedelta(hours=12)
    assert (len(service.calls), row.wait_reason, row.due_at, row.overdue_from) == (
        2,
        "limit:warm_up",
        midnight,
        midnight,
    )
    foretold = preflight(request=row)
    assert (foretold.would_send, foretold.earliest) == (False, midnight)
    clock.advance(12 * 3_600)
    assert preflight(request=row).would_send
    drain_due(cast)
    assert waiting(cast) == []


def test_another_account_is_not_held_back(
    cast: Cast, service: Service, warming: ProviderAccount, other_account: ProviderAccount
) -> None:
    for _ in range(3):
        approved_email(cast, account=other_account.pk)
    drain_due(cast)
    assert waiting(cast) == []


@pytest.fixture
def other_account(cast: Cast, service: Service) -> ProviderAccount:
    return arranged.other_account(cast)


def test_it_is_said_when_the_day_is_nearly_or_wholly_used_up(
    cast: Cast, account: ProviderAccount, noon: datetime, clock: StoppedClock
) -> None:
    saved = set_warm_up(cast, account, started_on=today(cast.workspace), first_day=10)
    taken(saved, *[1] * 8)
    assert watch_limits() == 0
    taken(saved, 1)
    watch_limits()
    taken(saved, 1)
    watch_limits()
    assert alerts(cast) == ["limit_near", "limit_reached"]
    with cast.scope():
        titles = set(Alert.objects.values_list("title", flat=True))
    assert titles == {
        "The day's share in the warm-up of the account Recorder is nearly reached",
        "The day's share in the warm-up of the account Recorder is reached",
    }
    clock.advance(12 * 3_600)  # the next day has 15
    assert resolve_over() == 2


# Setting it.


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"first_day": 0}, "warm_up_first_day"),
        ({"first_day": "few"}, "warm_up_first_day"),
        ({"growth_percent": 0}, "warm_up_growth_percent"),
        ({"growth_percent": 1_001}, "warm_up_growth_percent"),
        ({"target": 50}, "warm_up_target"),
        ({"started_on": "tomorrow"}, "warm_up_started_on"),
        ({"started_on": date.max}, "warm_up_started_on"),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, account: ProviderAccount, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_warm_up(cast, account, **{"started_on": FIRST, **fields})
    assert set(refused.value.fields) == {named}


def test_a_change_is_on_record(cast: Cast, account: ProviderAccount) -> None:
    set_warm_up(cast, account, started_on=FIRST, first_day=20)
    entry = AuditEntry.objects.filter(action="account.saved").latest("id")
    assert entry.data["fields"] == "warm_up_first_day, warm_up_started_on"


def test_without_a_day_to_begin_there_is_none(cast: Cast, service: Service, warming: ProviderAccount) -> None:
    for _ in range(3):
        approved_email(cast)
    drain_due(cast)
    set_warm_up(cast, warming, started_on=None)
    drain_due(cast)
    assert waiting(cast) == []


def test_its_limit_is_none_that_people_set(cast: Cast, warming: ProviderAccount) -> None:
    with cast.scope():
        name = Limit.objects.get(scope=f"warm_up:{warming.pk}").name
        assert not limits_of(workspace=cast.workspace).filter(name=name).exists()
    with pytest.raises(NotFound):
        delete_limit(workspace=cast.workspace, actor=cast.omar, name=name)
