"""The pace of an account: at most so many calls begin in a second, evenly spaced, over all workers and clusters.

The generic cell rate algorithm (ITU-T I.371, annex A): each call has a slot, an interval after the one before, by the
database's clock. The mark takes the slots of its chunk under the row's lock and takes no more requests than have theirs
within the next two seconds; the lane begins each call in its slot.

A mark locks the pace before the counters of limits, as every mark does: so no two wait for each other in a ring, and
what has to wait for its turn takes no place in a window.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TypeGuard

from django.db import transaction

from execution.engine.facts import Row
from execution.engine.limits import Full
from execution.models import AccountPace, ExecutionRequest, ProviderAccount
from execution.states import Status
from workspaces.clock import database_now

NAME = "pace"
REASON = f"limit:{NAME}"
AHEAD = timedelta(seconds=2)  # slots are given so far ahead; about as long as a chunk takes
# The n calls after one begin no sooner than a second and this much after its slot: room for a call that begins late or
# reaches the service late, so that no second at the service has more than n.
_SLACK = 0.1
_LATE = 0.05  # seconds after its slot a call may still begin; later it takes a new one
_STEP = 0.05  # seconds between two looks whether it may still begin; P6 allows 100 ms


@dataclass(slots=True, kw_only=True)
class Pace:
    """An account's pace, its row locked until the end of the transaction."""

    account: ProviderAccount
    interval: timedelta
    now: datetime
    next_at: datetime
    clock: float  # the monotonic clock at `now`

    @property
    def room(self) -> int:
        """How many calls may be marked now."""
        return max(0, (self.now + AHEAD - self.next_at) // self.interval + 1)

    def take(self, number: int, *, call_seconds: float = 0.0) -> list[float]:
        """The next slots, by this process's monotonic clock. None of them is ever given back.

        Calls that take longer than an interval would miss theirs, so only the first gets one beforehand.
        """
        if call_seconds > self.interval.total_seconds():
            number = min(number, 1)
        slots = [self.next_at + place * self.interval for place in range(number)]
        if slots:
            AccountPace.objects.filter(pk=self.account.pk).update(last_slot_at=slots[-1])
            self.next_at = slots[-1] + self.interval
        return [self.clock + (slot - self.now).total_seconds() for slot in slots]

    def full(self, rows: Sequence[Row]) -> list[Full]:
        """Until when requests without room are to wait. Before `take`.

        One that waited for its turn already waits for the next slots; a new one lines up behind all that wait.
        """
        first = self.next_at + self.room * self.interval
        known = [row.wait_reason == REASON for row in rows]
        in_line = count(0)
        behind = count(sum(known) + (0 if all(known) else _waiting(account=self.account, now=self.now)))
        places = [next(in_line if is_known else behind) for is_known in known]
        return [_full(account=self.account, slot=first + place * self.interval) for place in places]


def has_pace(account: ProviderAccount | None) -> TypeGuard[ProviderAccount]:
    """Whether the account, if there is one, has a pace."""
    return account is not None and account.per_second is not None


def lock_pace(account: ProviderAccount | None) -> Pace | None:
    """In a transaction: the account's pace, locked. None, and no query, where it has none."""
    return _locked(account) if has_pace(account) else None


def peek_pace(*, account: ProviderAccount | None, now: datetime, told: datetime | None) -> Full | None:
    """Whether a call would have to wait for its turn; takes no slot.

    told: until when a mark had it wait, if one did.
    """
    if not has_pace(account):
        return None
    pace = _pace(account=account, row=AccountPace.objects.filter(pk=account.pk).first(), now=now)
    if told is not None and told > now:
        return _full(account=account, slot=told + AHEAD / 2)
    if pace.room:
        return None
    return _full(account=account, slot=pace.next_at + _waiting(account=account, now=now) * pace.interval)


def in_turn(*, account: ProviderAccount | None, slot: float | None, why_not: Callable[[], str]) -> str:
    """Wait for a slot (by the monotonic clock), or for a new one where that is over or None; not without a pace.

    why_not: asked again and again; why the call must not begin, or "". Its last answer is returned.
    """
    if not has_pace(account):
        return why_not()
    is_new = False
    while True:
        if slot is None or time.monotonic() > slot + _LATE:
            with transaction.atomic():
                (slot,), is_new = _locked(account).take(1), True
        while (reason := why_not()) == "" and (left := slot - time.monotonic()) > 0:
            time.sleep(min(left, _STEP))
        # A second new slot is not asked for: where the database is slow, that would never end.
        if reason or is_new or time.monotonic() <= slot + _LATE:
            return reason


def _locked(account: ProviderAccount) -> Pace:
    rows = AccountPace.objects.select_for_update().filter(pk=account.pk)
    row = rows.first()
    if row is None:
        AccountPace.objects.bulk_create([AccountPace(account=account)], ignore_conflicts=True)
        row = rows.get()
    # Read after the lock was had: a slot must not lie before one that was given meanwhile.
    now = database_now()
    return _pace(account=account, row=row, now=now)


def _pace(*, account: ProviderAccount, row: AccountPace | None, now: datetime) -> Pace:
    assert account.per_second is not None
    interval = timedelta(seconds=(1 + _SLACK) / account.per_second)
    last = row.last_slot_at if row else None
    next_at = now if last is None else max(now, last + interval)
    return Pace(account=account, interval=interval, now=now, next_at=next_at, clock=time.monotonic())


def _waiting(*, account: ProviderAccount, now: datetime) -> int:
    rows = ExecutionRequest.objects.filter(workspace_id=account.workspace_id, account=account)
    return rows.filter(status=Status.APPROVED, wait_reason=REASON, due_at__gt=now).count()


def _full(*, account: ProviderAccount, slot: datetime) -> Full:
    # A mark takes slots two seconds ahead, so what is looked at a second or two before its own finds it in reach. Whole
    # seconds, so that many can be told at once.
    until = (slot - AHEAD / 2).replace(microsecond=0)
    detail = (
        f"The account {account.name} makes {account.per_second} calls a second; its turn is at {slot:%H:%M:%S} UTC."
    )
    return Full(limit=NAME, detail=detail, until=until)
