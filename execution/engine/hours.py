"""Allowed hours: whether somebody may be contacted at a moment, and when next. Pure functions of UTC times.

Whether a moment is allowed is always told from UTC: its wall time in a zone exists and is one, while a wall time may
exist twice or not at all where the clocks change. A wall time becomes a moment only as a candidate, which is then
checked like any other.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# Two weeks hold every opening of a weekly window, also beside a change of the clocks.
_DAYS_AHEAD = 15
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `opens` up to but without `closes`, local time, on `weekdays` (Monday is 0). `closes` 00:00: midnight."""

    opens: time
    closes: time
    weekdays: frozenset[int] = frozenset(range(7))

    def holds(self, wall: datetime) -> bool:
        """Whether a wall time is inside."""
        at = wall.time()
        return wall.weekday() in self.weekdays and self.opens <= at and (at < self.closes or self.closes == time())


# The called party's local time (TCPA, 47 CFR 64.1200(c)(1)).
CALLING_HOURS = Window(opens=time(8), closes=time(21))


def is_open(*, at: datetime, zones: Collection[str], windows: Collection[Window]) -> bool:
    """Whether `at` (aware) is inside every window in every zone."""
    walls = (at.astimezone(ZoneInfo(zone)) for zone in zones)
    return all(window.holds(wall) for wall in walls for window in windows)


def next_open(*, now: datetime, zones: tuple[str, ...], windows: tuple[Window, ...]) -> datetime | None:
    """The first moment (UTC) from `now` on that is inside every window in every zone; `now` itself where it is.

    None where there is none within two weeks: the zones lie too far apart.
    """
    now = now.astimezone(UTC)
    if is_open(at=now, zones=zones, windows=windows):
        return now
    # What was found for the hour's beginning does for the whole hour, unless it was open in between.
    found = _search(now.replace(minute=0, second=0, microsecond=0), zones, windows)
    return found if found is None or found > now else _search(now, zones, windows)


@lru_cache(maxsize=1_024)
def _search(now: datetime, zones: tuple[str, ...], windows: tuple[Window, ...]) -> datetime | None:
    # It can only begin where a window opens in one of the zones, or where a change of the clocks jumps into it.
    for days in (2, _DAYS_AHEAD):  # most open within a day, which costs less to find
        found = {at for zone in zones for at in _beginnings(now=now, zone=ZoneInfo(zone), windows=windows, days=days)}
        later = sorted(at for at in {now, *found} if now <= at < now + (days - 1) * _DAY)
        first = next((at for at in later if is_open(at=at, zones=zones, windows=windows)), None)
        if first is not None:
            return first
    return None


def _beginnings(*, now: datetime, zone: ZoneInfo, windows: tuple[Window, ...], days: int) -> Iterator[datetime]:
    first = now.astimezone(zone).date() - _DAY
    for number in range(days + 2):
        day = first + number * _DAY
        for window in windows:
            for fold in (0, 1):  # a wall time that comes twice; where it does not exist, two moments close by
                yield datetime.combine(day, window.opens, tzinfo=zone).replace(fold=fold).astimezone(UTC)
        at = now + number * _DAY
        if at.astimezone(zone).utcoffset() != (at + _DAY).astimezone(zone).utcoffset():
            yield _change(zone=zone, low=at.replace(microsecond=0), high=at.replace(microsecond=0) + _DAY)


def _change(*, zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The moment between two (UTC, whole seconds) at which the zone's offset changes."""
    before = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
