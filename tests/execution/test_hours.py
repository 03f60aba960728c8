"""Allowed hours as pure functions: on every day the clocks change in 2026, and for any moment, window and zone."""

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contacts.addresses import zones_of_phone
from execution.engine.hours import CALLING_HOURS, Window, is_open, next_open

ZONES = [
    "America/New_York",
    "America/Phoenix",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "Pacific/Honolulu",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/Santiago",
]
UNKNOWN_IN_THE_US = zones_of_phone("+12025550101")
HALF_AN_HOUR = timedelta(minutes=30)


def change_days(zones: Collection[str] = ZONES) -> list[datetime]:
    """The UTC days of 2026 on which the clocks change in one of the zones."""
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(365)]

    def changes(day: datetime, zone: str) -> bool:
        there = ZoneInfo(zone)
        return day.astimezone(there).utcoffset() != (day + timedelta(days=1)).astimezone(there).utcoffset()

    return [day for day in days if any(changes(day, zone) for zone in zones)]


def is_lawful(at: datetime, zones: tuple[str, ...]) -> bool:
    """The law's sentence, taken word by word."""
    walls = [at.astimezone(ZoneInfo(zone)) for zone in zones]
    return all(8 <= wall.hour < 21 for wall in walls)


def test_the_clocks_of_six_zones_change_on_nine_days_of_2026():
    assert [f"{day:%m-%d}" for day in change_days()] == [
        "03-08", "03-29", "04-04", "04-05", "09-06", "09-26", "10-03", "10-25", "11-01",
    ]  # fmt: skip


EVERY_DAY = change_days()
CASES = [*(((zone,), EVERY_DAY) for zone in ZONES), (tuple(ZONES), EVERY_DAY)]
CASES.append((UNKNOWN_IN_THE_US, change_days(("America/New_York",))))


@pytest.mark.parametrize(("zones", "days"), CASES, ids=[*ZONES, "all of these", "unknown"])
def test_every_half_hour_of_a_change_day_is_told_right_and_what_waits_begins_inside(zones, days):
    wrong = []
    for day in days:
        for number in range(-24, 72):
            now = day + number * HALF_AN_HOUR
            lawful, until = is_lawful(now, zones), next_open(now=now, zones=zones, windows=(CALLING_HOURS,))
            if is_open(at=now, zones=zones, windows=(CALLING_HOURS,)) != lawful or (until == now) != lawful:
                wrong.append(now)
            if until is not None and not is_lawful(until, zones):
                wrong.append(until)
    assert wrong == []


def test_a_number_of_the_united_states_may_be_anywhere_from_new_york_to_hawaii():
    assert {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu"} <= set(UNKNOWN_IN_THE_US)
    opens = next_open(now=datetime(2026, 11, 20, 12, tzinfo=UTC), zones=UNKNOWN_IN_THE_US, windows=(CALLING_HOURS,))
    assert opens == datetime(2026, 11, 20, 18, tzinfo=UTC)  # eight in Honolulu


def test_a_number_that_tells_no_country_has_no_hour_at_all():
    everywhere = zones_of_phone("+80012345678")
    assert len(everywhere) > 300
    assert next_open(now=datetime(2026, 6, 1, tzinfo=UTC), zones=everywhere, windows=(CALLING_HOURS,)) is None


def test_a_window_that_opens_inside_a_gap_opens_when_the_clocks_have_changed():
    half_past_two = Window(opens=time(2, 30), closes=time(6))
    now = datetime(2026, 3, 8, 6, 59, tzinfo=UTC)  # 01:59 in New York; at 02:00 it is 03:00
    assert next_open(now=now, zones=("America/New_York",), windows=(half_past_two,)) == datetime(
        2026, 3, 8, 7, tzinfo=UTC
    )


def test_an_hour_that_comes_twice_is_open_twice_and_shut_between():
    window = Window(opens=time(1), closes=time(1, 30))
    zone = ("America/New_York",)
    first, second = datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert next_open(now=first - HALF_AN_HOUR, zones=zone, windows=(window,)) == first
    assert next_open(now=first + HALF_AN_HOUR, zones=zone, windows=(window,)) == second


def test_a_window_of_weekdays_waits_for_monday():
    window = Window(opens=time(9), closes=time(), weekdays=frozenset(range(5)))
    saturday = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert next_open(now=saturday, zones=("Europe/London",), windows=(window,)) == datetime(2026, 11, 23, 9, tzinfo=UTC)


minutes = st.integers(0, 1_439)
windows = st.builds(
    lambda a, b, days: Window(
        opens=time(min(a, b) // 60, min(a, b) % 60),
        closes=time(max(a, b) // 60, max(a, b) % 60) if a != b else time(),
        weekdays=days,
    ),
    minutes,
    minutes,
    st.frozensets(st.integers(0, 6), min_size=1),
)
moments = st.one_of(
    st.integers(0, 365 * 1_440).map(lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)),
    st.builds(
        lambda day, offset: day + timedelta(minutes=offset),
        st.sampled_from(change_days()),
        st.integers(-1_500, 1_500),
    ),
)


@given(
    now=moments,
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3).map(tuple),
    asked=st.lists(windows, min_size=1, max_size=2).map(tuple),
)
@example(now=datetime(2026, 4, 4, 14, tzinfo=UTC), zones=("Australia/Lord_Howe",), asked=(CALLING_HOURS,))
def test_the_next_opening_is_inside_and_nothing_earlier_is(now, zones, asked):
    until = next_open(now=now, zones=zones, windows=asked)
    assert until is None or (until >= now and is_open(at=until, zones=zones, windows=asked))
    # Windows and changes of the clocks are on whole minutes, so that a look at each minute misses none.
    shut_for_minutes = int(((until or now + timedelta(days=8)) - now) / timedelta(minutes=1))
    last_day = range(max(0, shut_for_minutes - 1_440), shut_for_minutes)
    whole = now.replace(second=0, microsecond=0)
    looked_at = [now, *(whole + timedelta(minutes=1 + number) for number in last_day)]
    assert until == now or not [at for at in looked_at if is_open(at=at, zones=zones, windows=asked) and at != until]
