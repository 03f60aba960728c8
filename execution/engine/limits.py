"""Limits as exact sliding windows, at constant cost.

Each act counted takes the next ordinal under its counter's row; it is allowed if the mark `count` ordinals before is
older than the window. So no window of `period_seconds` ever holds more than `count` marks, whoever makes them (P8).
Counters are locked in id order, so that acts under several limits never wait for each other in a ring.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from execution.engine.warm_up import NAME as WARM_UP
from execution.engine.warm_up import Ramp, account_id_of, in_force, ramp_of
from execution.models import Limit, LimitCounter, LimitMark, ProviderAccount
from workspaces.bulk import insert_rows, update_rows
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.prepared import Prepared
from workspaces.scope import workspace_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An act as limits see it. `addresses`: everyone it reaches, each a unit. `plan_bulk`: its plan, if a bulk one."""

    request_id: UUID
    channel: str
    account_id: UUID | None
    contact_id: UUID | None
    addresses: Sequence[str]
    plan_bulk: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A window without room: which limit, and when there is some. `never`: it is too small for an act this large."""

    limit: str
    detail: str
    until: datetime
    never: bool = False


_COUNTERS = Prepared(
    lambda limits, keys: (
        LimitCounter.objects.filter(limit_id__among=limits, key__among=keys)
        .order_by("id")
        .values_list("id", "limit_id", "key", "ordinal")
    ),
    limits=list[UUID],
    keys=list[str],
)
_LOCKED_COUNTERS = Prepared(
    lambda limits, keys: (
        LimitCounter.objects.select_for_update()
        .filter(limit_id__among=limits, key__among=keys)
        .order_by("id")
        .values_list("id", "limit_id", "key", "ordinal")
    ),
    limits=list[UUID],
    keys=list[str],
)
_COUNTERS_A_QUERY = 100  # SQLite takes no condition of more than 1,000 parts

NO_RAMPS: Mapping[UUID, Ramp] = MappingProxyType({})

Key = tuple[UUID, str]  # a limit's id, and what is counted under it


def keys_of(*, limit: Limit, act: Counted) -> dict[str, int]:
    """What the act counts for under one limit: key -> units. Empty where the limit does not concern it."""
    units = max(1, len(act.addresses))
    word, _, value = limit.scope.partition(":")
    match word:
        case "workspace":
            return {"": units}
        case "channel":
            return {"": units} if act.channel == value else {}
        case "account" | "warm_up":
            return {"": units} if str(act.account_id) == value else {}
        case "contact":
            return {str(act.contact_id): 1} if act.contact_id else {}
        case "domain":
            domains: dict[str, int] = defaultdict(int)
            for address in act.addresses:
                if "@" in address:
                    domains[address.rpartition("@")[2].lower()] += 1
            return dict(domains)
        case "seo_bulk":
            return {"": 1} if act.channel == "seo" and act.plan_bulk else {}
    return {}


def take(
    *, limits: Sequence[Limit], acts: Sequence[Counted], ramps: Mapping[UUID, Ramp] = NO_RAMPS
) -> dict[UUID, Full]:
    """Take places for acts in their order and return those that found a window full. In the mark's transaction.

    ramps: of the limits that count a warm-up, by their id.
    """
    wanted = _wanted(limits=limits, acts=acts)
    if not wanted:
        return {}
    counters = _locked_counters({key for keys in wanted.values() for key in keys})
    # Read after the locks were had: the time of a mark must not be earlier than that of one already counted.
    now = database_now()
    windows = _windows(counters=counters, limits=_at(now, limits=limits, ramps=ramps), wanted=wanted, ramps=ramps)
    full: dict[UUID, Full] = {}
    for act in acts:
        keys = wanted.get(act.request_id, {})
        blocked = [
            w for key, units in keys.items() if (w := windows[key].full(units=units, now=now, subject=act.plan_bulk))
        ]
        if blocked:
            full[act.request_id] = max(blocked, key=lambda f: (f.never, f.until))
            continue
        for key, units in keys.items():
            windows[key].take(units=units, now=now, subject=act.plan_bulk or act.request_id)
    taken = [window for window in windows.values() if window.new]
    insert_rows(LimitMark, rows=[mark for window in taken for mark in window.new])
    update_rows(LimitCounter, rows={window.counter.pk: {"ordinal": window.ordinal} for window in taken})
    return full


def peek(*, limits: Sequence[Limit], act: Counted, now: datetime, ramps: Mapping[UUID, Ramp] = NO_RAMPS) -> Full | None:
    """Whether the act would find a window full now; takes nothing."""
    wanted = _wanted(limits=limits, acts=[act])
    keys = wanted.get(act.request_id, {})
    found = {(c.limit_id, c.key): c for c in _counters(keys)}
    counters = {key: found.get(key) or LimitCounter(limit_id=key[0], key=key[1]) for key in keys}
    windows = _windows(counters=counters, limits=_at(now, limits=limits, ramps=ramps), wanted=wanted, ramps=ramps)
    blocked = [
        w for key, units in keys.items() if (w := windows[key].full(units=units, now=now, subject=act.plan_bulk))
    ]
    return max(blocked, key=lambda f: (f.never, f.until)) if blocked else None


def take_poll(*, workspace: Workspace) -> Full | None:
    """Count one poll run of a workspace (the limits with the scope `tasks`); Full where there is no room."""
    with workspace_scope(workspace), transaction.atomic():
        limits = list(Limit.objects.filter(workspace=workspace, scope="tasks").order_by("id"))
        if not limits:
            return None
        counters = _locked_counters({(limit.id, "") for limit in limits})
        now = database_now()
        run = {workspace.id: {(limit.id, ""): 1 for limit in limits}}
        windows = _windows(counters=counters, limits={limit.id: limit for limit in limits}, wanted=run)
        for window in windows.values():
            blocked = window.full(units=1, now=now, subject=None)
            if blocked:
                return blocked
        for window in windows.values():
            window.take(units=1, now=now, subject=None)
            insert_rows(LimitMark, rows=window.new)
            LimitCounter.objects.filter(pk=window.counter.pk).update(ordinal=window.ordinal)
    return None


def filled(*, percent: int, now: datetime) -> list[Limit]:
    """Limits with one count for all, of any workspace, whose window holds `percent` of its places or more.

    One mark tells for each: the one as many ordinals back. Those that count each contact or domain are left out. That
    of a warm-up has the count of now.
    """
    rows = LimitCounter.objects.filter(key="", ordinal__gt=0, limit__count__gt=0).select_related("limit__workspace")
    counters = list(rows.order_by("id"))
    ramps = _ramps_anywhere(counter.limit for counter in counters)
    current = _at(now, limits=in_force(limits=[c.limit for c in counters], ramps=ramps, at=now), ramps=ramps)
    asked: dict[UUID, tuple[int, int]] = {}
    limits: dict[UUID, Limit] = {}
    for counter in counters:
        limit = current.get(counter.limit_id)
        if limit is None:
            continue
        tells = counter.ordinal + 1 + (-limit.count * percent) // 100
        if tells >= 1:
            asked[counter.pk], limits[counter.pk] = (tells, tells), limit
    return [
        limits[counter_id]
        for counter_id, marks in _marks(asked).items()
        if any(at + timedelta(seconds=limits[counter_id].period_seconds) > now for at, _ in marks.values())
    ]


class _Window:
    """One counter with the marks that decide about the next acts."""

    def __init__(
        self, *, limit: Limit, counter: LimitCounter, marks: Mapping[int, tuple[datetime, Any]], ramp: Ramp | None
    ) -> None:
        self.limit, self.counter, self.ramp = limit, counter, ramp
        self.ordinal = counter.ordinal
        self.marks = dict(marks)
        self.new: list[dict[str, Any]] = []
        self.period = timedelta(seconds=limit.period_seconds)

    def full(self, *, units: int, now: datetime, subject: UUID | None) -> Full | None:
        if subject and self._has(subject=subject, now=now):
            return None
        if self.ramp is not None:
            free = self._free_in(self.ramp, units=units, now=now)
            detail = f"The account's warm-up allows {self.limit.count} in 24 hours today, until {free:%d %B %H:%M} UTC."
            return Full(limit=WARM_UP, detail=detail, until=free) if free > now else None
        last = self.ordinal + units
        if units > self.limit.count:
            detail = f"{self.limit.name} allows {self.limit.count}, and this one counts for {units}."
            return Full(limit=self.limit.name, detail=detail, until=now + self.period, never=True)
        before = self.marks.get(last - self.limit.count)
        if before is None or before[0] + self.period <= now:
            return None
        free = before[0] + self.period
        return Full(
            limit=self.limit.name, detail=f"{self.limit.name} is reached until {free:%H:%M:%S} UTC.", until=free
        )

    def _free_in(self, ramp: Ramp, *, units: int, now: datetime) -> datetime:
        """When there is room: once the window has moved on, or on a day with more places, whichever comes first."""
        at = now
        while not ramp.is_over(at):
            count, more_at = ramp.places(at), ramp.more_at(at)
            if units <= count:
                before = self._mark(self.ordinal + units - count)
                free = at if before is None else max(at, before + self.period)
                if free < more_at:
                    return free
            at = more_at
        return at

    def _mark(self, ordinal: int) -> datetime | None:
        """When a place was taken. Those that only a later day asks for were not read with the others."""
        if 1 <= ordinal <= self.counter.ordinal and ordinal not in self.marks:
            self.marks |= _marks({self.counter.pk: (ordinal, ordinal)})[self.counter.pk]
        return self.marks[ordinal][0] if ordinal in self.marks else None

    def take(self, *, units: int, now: datetime, subject: UUID | None) -> None:
        if self.limit.scope == "seo_bulk" and subject and self._has(subject=subject, now=now):
            return
        for _ in range(units):
            self.ordinal += 1
            self.marks[self.ordinal] = (now, subject)
            mark = {"ordinal": self.ordinal, "subject": subject, "counter_id": self.counter.pk, "at": now}
            self.new.append(mark)

    def _has(self, *, subject: UUID, now: datetime) -> bool:
        """A bulk plan counts once, however many requests it holds."""
        if self.limit.scope != "seo_bulk":
            return False
        return any(s == subject and at + self.period > now for at, s in self.marks.values())


def _wanted(*, limits: Sequence[Limit], acts: Iterable[Counted]) -> dict[UUID, dict[Key, int]]:
    wanted: dict[UUID, dict[Key, int]] = {}
    for act in acts:
        keys = {(limit.id, key): units for limit in limits for key, units in keys_of(limit=limit, act=act).items()}
        if keys:
            wanted[act.request_id] = keys
    return wanted


def _at(now: datetime, *, limits: Iterable[Limit], ramps: Mapping[UUID, Ramp]) -> dict[UUID, Limit]:
    """Limits by their id, those that count a warm-up with the count of now."""
    found = {limit.id: limit for limit in limits}
    for limit_id in found.keys() & ramps.keys():
        found[limit_id] = copy(found[limit_id])
        found[limit_id].count = ramps[limit_id].places(now)
    return found


def _ramps_anywhere(limits: Iterable[Limit]) -> dict[UUID, Ramp]:
    """The ramps among limits of any workspace, which is loaded with each."""
    of = {account_id: limit for limit in limits if (account_id := account_id_of(limit))}
    accounts = ProviderAccount.objects.filter(pk__in=of) if of else []
    ramps = {of[a.pk].id: ramp_of(account=a, zone=of[a.pk].workspace.time_zone) for a in accounts}
    return {limit_id: ramp for limit_id, ramp in ramps.items() if ramp}


def _counters(keys: Iterable[Key]) -> list[LimitCounter]:
    return list(_read(_COUNTERS, set(keys)).values())


def _locked_counters(keys: set[Key]) -> dict[Key, LimitCounter]:
    found = _read(_LOCKED_COUNTERS, keys)
    missing = sorted(keys - set(found))
    if missing:
        LimitCounter.objects.bulk_create(
            [LimitCounter(limit_id=limit_id, key=key) for limit_id, key in missing], ignore_conflicts=True
        )
        found = _read(_LOCKED_COUNTERS, keys)
    return found


def _read(query: Prepared, keys: set[Key]) -> dict[Key, LimitCounter]:
    if not keys:
        return {}
    rows = query.rows(limits=list({k[0] for k in keys}), keys=list({k[1] for k in keys}))
    return {
        (limit_id, key): LimitCounter(id=pk, limit_id=limit_id, key=key, ordinal=ordinal)
        for pk, limit_id, key, ordinal in rows
        if (limit_id, key) in keys
    }


def _windows(
    *,
    counters: Mapping[Key, LimitCounter],
    limits: Mapping[UUID, Limit],
    wanted: Mapping[UUID, Mapping[Key, int]],
    ramps: Mapping[UUID, Ramp] = NO_RAMPS,
) -> dict[Key, _Window]:
    """Each counter with the marks that stand `count` ordinals before the next acts."""
    most: dict[Key, int] = defaultdict(int)
    for keys in wanted.values():
        for key, units in keys.items():
            most[key] += units
    ranges: dict[UUID, tuple[int, int]] = {}
    for key, counter in counters.items():
        limit = limits[key[0]]
        first = counter.ordinal + 1 - limit.count
        last = counter.ordinal if limit.scope == "seo_bulk" else min(first + most[key], counter.ordinal)
        if last >= 1:  # ordinals begin at 1, so an earlier range is empty
            ranges[counter.pk] = first, last
    marks = _marks(ranges)
    return {
        key: _Window(limit=limits[key[0]], counter=counter, marks=marks[counter.pk], ramp=ramps.get(key[0]))
        for key, counter in counters.items()
    }


def _marks(ranges: Mapping[UUID, tuple[int, int]]) -> dict[UUID, dict[int, tuple[datetime, Any]]]:
    """The marks of counters between two ordinals, both included."""
    marks: dict[UUID, dict[int, tuple[datetime, Any]]] = defaultdict(dict)
    asked = list(ranges.items())
    for start in range(0, len(asked), _COUNTERS_A_QUERY):
        among = Q()
        for counter_id, (first, last) in asked[start : start + _COUNTERS_A_QUERY]:
            among |= Q(counter_id=counter_id, ordinal__gte=max(first, 1), ordinal__lte=last)
        found = LimitMark.objects.filter(among).values_list("counter_id", "ordinal", "at", "subject")
        for counter_id, ordinal, at, subject in found:
            marks[counter_id][ordinal] = at, subject
    return marks
