"""The mark: what was claimed meets every guard, and `dispatching` is committed before any provider is called."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from django.db import DatabaseError
from django.db.models import F

from execution.engine.claim import claim
from execution.engine.facts import Facts, Ground
from execution.engine.guards import GUARDS, LIMITS, Guard, Stop, Then, first_stop
from execution.engine.limits import Counted, Full, take
from execution.engine.load import GroundCache, load_facts
from execution.engine.pace import lock_pace
from execution.engine.snapshots import keep_snapshots, snapshots_of
from execution.engine.warm_up import in_force
from execution.models import Alert, Attempt, ExecutionRequest, GateState, ProviderAccount
from execution.services.alerts import raise_alert
from execution.services.gating import close_gates
from execution.services.reopening import drifted, reopen
from execution.states import CANARY, NO_OPERATOR, STALE, Status
from execution.transitions import move
from workspaces.actors import Actor
from workspaces.bulk import insert_rows
from workspaces.clock import database_now
from workspaces.ids import new_id
from workspaces.models import Mode
from workspaces.prepared import Prepared

logger = logging.getLogger(__name__)

# How soon something that waits for a person's act is looked at again; lifting the cause wakes it earlier.
LOOK_AGAIN = timedelta(seconds=60)
# Waits that a request has for reasons of its own: the time they take does not make it overdue.
OWN_WAITS = ("limit:", "quiet_hours", "throttled", CANARY)
# The rest of a plan may be 10,000 requests: whatever ends their wait wakes them (services/canaries.py).
LOOK_AGAIN_AFTER = {CANARY: timedelta(minutes=15)}

_ATTEMPTS = Prepared(
    lambda ids: Attempt.objects.filter(request_id__among=ids).order_by().values_list("request_id", "number"),
    ids=list[UUID],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One request that may now be performed, once. `slot`: when, by this process's monotonic clock; None where its
    account has no pace, or the slot is taken right before the call.
    """

    attempt_id: UUID
    number: int
    facts: Facts
    slot: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The requests marked in one commit: of one workspace, channel, account and mode."""

    id: UUID
    workspace_id: UUID
    ground: Ground
    members: Sequence[Marked]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What was read of the requests before a limit was locked, by their ids: each one's next number, its snapshot."""

    numbers: Mapping[UUID, int] = field(default_factory=dict)
    snapshots: Mapping[UUID, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a mark found: a chunk to perform (None where every guard stopped what was there), the requests that it
    looked at, and the accounts where something is due and no connection is free.
    """

    chunk: Chunk | None
    seen: Sequence[UUID]
    full: bool
    crowded: Sequence[ProviderAccount]


def mark(
    *,
    workspace_id: UUID,
    worker_id: UUID,
    cache: GroundCache,
    manual: bool,
    at_most: int,
    actor: Actor,
    only: Sequence[UUID] | None = None,
    guards: Sequence[Guard] = GUARDS,
    call_seconds: float = 0.0,
    may_use: Callable[[ProviderAccount], bool] = lambda account: True,
) -> Claim:
    """In the caller's transaction and the workspace's scope: claim up to `at_most` due requests and mark those that
    every guard lets through; the others are moved, or told why they wait and until when.

    The caller shares the guards' lock (workspaces/guard_lock.py) before. The rows are claimed with SKIP LOCKED, so that
    workers never wait for each other. `only`: these requests, due or not ("Run now"). call_seconds: how long a call
    lately took. may_use: whether the lane may use a connection to an account.
    """
    now = database_now()
    ground = cache.get(workspace_id=workspace_id)
    ids, crowded = claim(
        workspace_id=workspace_id,
        manual=manual,
        at_most=at_most,
        only=only,
        now=now,
        accounts=ground.accounts,
        may_use=may_use,
    )
    if not ids:
        return Claim(chunk=None, seen=(), full=False, crowded=crowded)
    found, broken = _readable(ground=ground, ids=ids, now=now, manual=manual)
    through: list[Facts] = []
    stopped: list[tuple[Facts, Stop]] = []
    slots: Sequence[float] = ()
    before = _Before()
    for facts in found:
        try:
            stop = first_stop(facts, guards=guards)
        except Exception:
            logger.exception("No guard can read request %s.", facts.row.id)
            broken.append(facts.row.id)
            continue
        if stop is None:
            through.append(facts)
        else:
            stopped.append((facts, stop))
    if through:
        # All reading comes before the limits: from there to the commit whoever counts under them waits for us.
        before = _Before(
            numbers=_next_numbers([facts.row.id for facts in through]), snapshots=snapshots_of(through=through, now=now)
        )
    if through and LIMITS in guards and through[0].row.mode != Mode.DRY_RUN:  # a dry run is outside every cap
        pace = lock_pace(through[0].account)
        if pace:
            late = through[pace.room :]
            stopped += zip(late, map(_no_room, pace.full([f.row for f in late])), strict=True)
            through = through[: pace.room]
        acts = [counted(facts) for facts in through]
        full = take(limits=in_force(limits=ground.limits, ramps=ground.ramps, at=now), acts=acts, ramps=ground.ramps)
        stopped += [(f, _no_room(full[f.row.id])) for f in through if f.row.id in full]
        through = [f for f in through if f.row.id not in full]
        slots = pace.take(len(through), call_seconds=call_seconds) if pace else ()
    _handle_stops(ground=ground, stopped=stopped, actor=actor, now=now)
    _set_aside(workspace_id=workspace_id, ids=broken, now=now)
    chunk = None
    if through:
        chunk = _commit_marks(
            ground=ground, through=through, before=before, slots=slots, worker_id=worker_id, actor=actor, now=now
        )
    return Claim(chunk=chunk, seen=ids, full=len(ids) >= at_most, crowded=crowded)


def _readable(*, ground: Ground, ids: Sequence[UUID], now: datetime, manual: bool) -> tuple[list[Facts], list[UUID]]:
    """The facts, and which of `ids` cannot even be read: one broken row must not keep all the others waiting."""
    try:
        return load_facts(ground=ground, ids=ids, now=now, manual=manual), []
    except DatabaseError:
        raise
    except Exception:
        if len(ids) == 1:
            logger.exception("Request %s cannot be read.", ids[0])
            return [], list(ids)
    found: list[Facts] = []
    broken: list[UUID] = []
    for request_id in ids:
        facts, unreadable = _readable(ground=ground, ids=[request_id], now=now, manual=manual)
        found += facts
        broken += unreadable
    return found, broken


def _set_aside(*, workspace_id: UUID, ids: Sequence[UUID], now: datetime) -> None:
    """What no guard can judge waits, and a person is told."""
    rows = ExecutionRequest.objects.filter(id__in=ids, status=Status.APPROVED)
    rows.update(wait_reason="unreadable", due_at=now + LOOK_AGAIN)
    for request_id in ids:
        raise_alert(
            workspace_id=workspace_id,
            kind="unreadable",
            severity="critical",
            fingerprint=f"unreadable:{request_id}",
            title="An approved request cannot be read",
            detail="Nothing was sent. Withdraw it and propose it anew; the log says what cannot be read.",
            request_id=request_id,
        )


def counted(facts: Facts) -> Counted:
    """The act as limits see it."""
    row = facts.row
    bulk = bool(facts.policy_facts and facts.policy_facts["bulk"])
    return Counted(
        request_id=row.id,
        channel=row.channel,
        account_id=row.account_id,
        contact_id=row.contact_id,
        addresses=facts.recipients.addresses,
        plan_bulk=row.plan_id if bulk else None,
    )


def _commit_marks(
    *,
    ground: Ground,
    through: Sequence[Facts],
    before: _Before,
    slots: Sequence[float],
    worker_id: UUID,
    actor: Actor,
    now: datetime,
) -> Chunk:
    chunk_id = new_id()
    provider = through[0].sender_now.provider if through[0].sender_now else ""
    move(
        workspace_id=ground.workspace.id,
        ids=[facts.row.id for facts in through],
        to=Status.DISPATCHING,
        action="request.dispatched",
        actor=actor,
        values={"chunk": chunk_id, "attempts_made": F("attempts_made") + 1, "due_at": None},
        data={"chunk": str(chunk_id), "mode": through[0].row.mode},
    )
    members = [
        Marked(attempt_id=new_id(), number=before.numbers[facts.row.id], facts=facts, slot=slot)
        for facts, slot in zip_longest(through, slots)
    ]
    insert_rows(
        Attempt,
        rows=[
            {
                "id": member.attempt_id,
                "workspace_id": ground.workspace.id,
                "request_id": member.facts.row.id,
                "number": member.number,
                "chunk": chunk_id,
                "worker": worker_id,
                "provider": provider,
                "marked_at": now,
            }
            for member in members
        ],
    )
    keep_snapshots([before.snapshots[facts.row.id] for facts in through])
    return Chunk(id=chunk_id, workspace_id=ground.workspace.id, ground=ground, members=members)


def _next_numbers(ids: Sequence[UUID]) -> dict[UUID, int]:
    """Attempts are numbered over a request's whole life; `attempts_made` starts anew when a person retries."""
    numbers: dict[UUID, int] = defaultdict(lambda: 1)
    for request_id, number in _ATTEMPTS.rows(ids=ids):
        numbers[request_id] = max(numbers[request_id], number + 1)
    return numbers


def _no_room(full: Full) -> Stop:
    return Stop(then=Then.WAIT, reason=f"limit:{full.limit}", detail=full.detail, until=full.until)


def _handle_stops(*, ground: Ground, stopped: Sequence[tuple[Facts, Stop]], actor: Actor, now: datetime) -> None:
    workspace = ground.workspace
    waits: dict[tuple[str, datetime], list[UUID]] = defaultdict(list)
    moves: dict[tuple[Then, str, str, tuple[str, ...]], list[UUID]] = defaultdict(list)
    for facts, stop in stopped:
        if stop.then == Then.WAIT:
            until = stop.until or now + LOOK_AGAIN_AFTER.get(stop.reason, LOOK_AGAIN)
            waits[(stop.reason, until)].append(facts.row.id)
        elif stop.then != Then.SKIP:
            moves[(stop.then, stop.reason, stop.detail, stop.gates)].append(facts.row.id)
    for (reason, until), ids in waits.items():
        rows = ExecutionRequest.objects.filter(id__in=ids, status=Status.APPROVED)
        if reason == STALE:
            _tell_stale(workspace_id=workspace.id, newly=rows.exclude(wait_reason=STALE).count())
        elif reason == NO_OPERATOR:
            _tell_no_operator(workspace_id=workspace.id, newly=rows.exclude(wait_reason=NO_OPERATOR).count())
        own = {"overdue_from": until} if reason.startswith(OWN_WAITS) else {}
        rows.update(wait_reason=reason, due_at=until, **own)
    for (then, reason, detail, gates), ids in moves.items():
        if then in (Then.REOPEN, Then.DRIFT):
            requests = list(
                ExecutionRequest.objects.select_related("current", "contact", "account", "plan").filter(id__in=ids)
            )
            if then == Then.REOPEN:
                reopen(workspace=workspace, requests=requests, actor=actor, reason=detail, now=now, gates=gates)
                _tell_void(requests=requests, detail=detail)
            else:
                for request in requests:
                    drifted(workspace=workspace, request=request, now=now)
            continue
        end = {Then.CANCEL: Status.CANCELLED, Then.EXPIRE: Status.EXPIRED, Then.REFUSE: Status.REFUSED}[then]
        close_gates(workspace_id=workspace.id, ids=ids, state=GateState.CLOSED, now=now)
        move(
            workspace_id=workspace.id,
            ids=ids,
            to=end,
            action=f"request.{end.value}",
            actor=actor,
            only_from=[Status.APPROVED],
            values={"settled_at": now, "last_error": detail, "due_at": None},
            data={"reason": reason},
        )


def _tell_stale(*, workspace_id: UUID, newly: int) -> None:
    if newly:
        raise_alert(
            workspace_id=workspace_id,
            kind=STALE,
            severity="warning",
            fingerprint=STALE,
            title="Requests were due long ago and wait for a person",
            detail="Nothing was sent. Release or withdraw them on the page Overdue.",
        )


def _tell_no_operator(*, workspace_id: UUID, newly: int) -> None:
    """Once, until somebody was seen."""
    if (
        newly
        and not Alert.objects.filter(fingerprint=NO_OPERATOR, workspace_id=workspace_id, resolved_at=None).exists()
    ):
        raise_alert(
            workspace_id=workspace_id,
            kind=NO_OPERATOR,
            fingerprint=NO_OPERATOR,
            title="Nobody who may decide was seen for long",
            detail="What runs alone waits, and goes on once one of them opens the console. What people approved goes.",
        )


def _tell_void(*, requests: Sequence[ExecutionRequest], detail: str) -> None:
    """An alert for each request, or each plan, whose approval does not hold any more."""
    for request in requests:
        raise_alert(
            workspace_id=request.workspace_id,
            kind="approval_void",
            severity="warning",
            fingerprint=f"void:{request.plan_id or request.id}",
            title="An approval no longer holds",
            detail=f"Nothing was sent; it waits for a decision again. {detail}",
            request_id=request.id,
        )
