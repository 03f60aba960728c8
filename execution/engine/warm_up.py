"""The warm-up of a sender address: a limit over 24 hours on its account, whose count grows from day to day.

The count is that of the day, by the workspace's clock, on which an act is marked. As it never shrinks from one day to
the next, no window of 24 hours holds more than its last day allows (P8).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from execution.models import Limit, ProviderAccount

NAME = "warm_up"  # the wait reason is limit:warm_up
PERIOD = timedelta(days=1)
# Where no target is set. So many a day need no warm-up any more.
_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """One account's warm-up. target: the places a day at which it is over. zone: whose midnight ends a day."""

    started_on: date
    first_day: int
    growth_percent: int
    target: int
    zone: str

    def places(self, at: datetime) -> int:
        """How many places any 24 hours have that end at `at` (aware). Before the first day as many as on it."""
        return min(self._figure(self._day(at)), self.target)

    def is_over(self, at: datetime) -> bool:
        """Whether it holds nothing back any more."""
        return self._figure(self._day(at)) >= self.target

    def more_at(self, at: datetime) -> datetime:
        """The beginning (UTC) of the first day after `at` with more places, or on which it is over."""
        day = max(self._day(at), self.started_on) + timedelta(days=1)
        return datetime.combine(day, time(), tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def _day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    def _figure(self, day: date) -> int:
        return _grown(self.first_day, self.growth_percent, max(0, (day - self.started_on).days), self.target)


@lru_cache(maxsize=1_024)
def _grown(first: int, percent: int, days: int, enough: int) -> int:
    figure = first
    for _ in range(days):
        if figure >= enough:
            break
        figure += -(-figure * percent // 100)  # rounded up, so that each day has at least one more
    return figure


def ramp_of(*, account: ProviderAccount, zone: str) -> Ramp | None:
    """The warm-up set on an account, over or not; None where there is none."""
    if account.warm_up_started_on is None:
        return None
    return Ramp(
        started_on=account.warm_up_started_on,
        first_day=account.warm_up_first_day,
        growth_percent=account.warm_up_growth_percent,
        target=account.warm_up_target or _MOST,
        zone=zone,
    )


def name_of(account_id: UUID) -> str:
    """The name and the scope of the limit that counts an account's warm-up."""
    return f"{NAME}:{account_id}"


def account_id_of(limit: Limit) -> UUID | None:
    """Whose warm-up a limit counts; None where it is another limit."""
    word, _, key = limit.scope.partition(":")
    return UUID(key) if word == NAME else None


def in_force(*, limits: Sequence[Limit], ramps: Mapping[UUID, Ramp], at: datetime) -> list[Limit]:
    """The limits without those of warm-ups that are over: these count nothing more."""
    return [limit for limit in limits if (ramp := ramps.get(limit.id)) is None or not ramp.is_over(at)]


def ramps_of(*, limits: Iterable[Limit], accounts: Mapping[UUID, ProviderAccount], zone: str) -> dict[UUID, Ramp]:
    """The ramps among some limits of one workspace, by the limit's id."""
    found = {}
    for limit in limits:
        account = accounts.get(account_id) if (account_id := account_id_of(limit)) else None
        if account is not None and (ramp := ramp_of(account=account, zone=zone)):
            found[limit.id] = ramp
    return found
