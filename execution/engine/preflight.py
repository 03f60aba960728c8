"""“Would it go now?”: the very guards that stand before the send, asked ahead of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution.engine.chunk import counted
from execution.engine.facts import Facts
from execution.engine.guards import GUARDS, LIMITS, Guard, Stop, Then
from execution.engine.limits import peek
from execution.engine.load import load_facts, read_ground
from execution.engine.pace import REASON as PACE
from execution.engine.pace import peek_pace
from execution.engine.warm_up import in_force
from execution.models import ExecutionRequest
from execution.states import WAITS_OUT, Status
from workspaces.clock import database_now
from workspaces.models import Mode
from workspaces.scope import workspace_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One guard's answer, in words."""

    name: str
    ok: bool
    detail: str
    # What stops it is nothing but the approval that it still waits for.
    awaits_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """Whether it would go now; the earliest time it can, where every obstacle has one; each check; what it costs."""

    would_send: bool
    earliest: datetime | None
    checks: list[Check]
    cost: dict[str, Any] | None = None


def preflight(
    *,
    request: ExecutionRequest,
    now: datetime | None = None,
    manual: bool = False,
    guards: Sequence[Guard] = GUARDS,
) -> Preflight:
    """Ask every guard about one request, as a drain would find it. Changes nothing.

    manual: as "Run now" would find it. `would_send` is about a real send or, in a dry run, its rehearsal.
    guards: those asked; a test takes one out.
    """
    with workspace_scope(request.workspace):
        now = now or database_now()
        ground = read_ground(workspace=request.workspace)
        (facts,) = load_facts(ground=ground, ids=[request.pk], now=now, manual=manual)
        waits_in_line = request.wait_reason == PACE and request.status == Status.APPROVED and not manual
        told_until = request.due_at if waits_in_line else None
        stops: list[Stop] = []
        checks: list[Check] = []
        for guard in guards:
            stop = _no_room(facts, told=told_until) if guard is LIMITS else guard.check(facts)
            if stop is not None:
                stops.append(stop)
            checks.append(
                Check(
                    name=guard.name,
                    ok=stop is None,
                    detail=stop.detail if stop else guard.fine,
                    awaits_approval=stop is not None and (stop.then == Then.SKIP or bool(stop.gates)),
                )
            )
    again = request.due_at if request.wait_reason in WAITS_OUT and request.status == Status.APPROVED else None
    told = any(stop.reason == request.wait_reason for stop in stops)
    if again and again > now and not manual and not told:
        detail = f"The last try did not go through; the next is at {again:%H:%M:%S} UTC."
        stops.append(Stop(then=Then.WAIT, reason=request.wait_reason, detail=detail, until=again))
        checks.append(Check(name=request.wait_reason, ok=False, detail=detail))
    earliest = _earliest(stops=stops, now=now, expires_at=facts.row.expires_at)
    return Preflight(would_send=not stops, earliest=earliest, checks=checks)


def _no_room(facts: Facts, *, told: datetime | None) -> Stop | None:
    """What taking a turn and places in the windows would be answered; a dry run is outside every cap."""
    if facts.row.mode == Mode.DRY_RUN:
        return None
    ground, now = facts.ground, facts.now
    limits = in_force(limits=ground.limits, ramps=ground.ramps, at=now)
    found = [
        peek(limits=limits, act=counted(facts), now=now, ramps=ground.ramps),
        peek_pace(account=facts.account, now=now, told=told),
    ]
    full = max((full for full in found if full), key=lambda full: (full.never, full.until), default=None)
    if full is None:
        return None
    until = None if full.never else full.until
    return Stop(then=Then.WAIT, reason=f"limit:{full.limit}", detail=full.detail, until=until)


def _earliest(*, stops: list[Stop], now: datetime, expires_at: datetime | None) -> datetime | None:
    """Now, or when the last of the waits is over; None where it waits for a person, or will have expired by then."""
    if any(stop.until is None for stop in stops):
        return None
    earliest = max((stop.until for stop in stops if stop.until), default=now)
    return None if expires_at is not None and earliest >= expires_at else earliest
