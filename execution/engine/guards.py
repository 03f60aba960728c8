"""Every check between an approval and a provider call, each a named entry of one table.

The claim, the preflight ("Would it go now?") and nothing else read the table; a guard sees only `Facts`.
LIMITS comes last: taking a place in a window is a write, done in engine/limits.py for what every guard let through.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from execution.engine.canary import CanaryState
from execution.engine.facts import Facts
from execution.engine.hours import CALLING_HOURS, next_open
from execution.models import AccountState, Hold, HoldScope
from execution.policies import Outcome, PolicyVerdict, evaluate
from execution.services.gates import role_opens
from execution.services.restoring import RECONCILE
from execution.states import CANARY, NO_OPERATOR, STALE, Status
from workspaces.canonical import sha256_hex
from workspaces.models import Mode


class Then(StrEnum):
    """What becomes of a request that a guard stops."""

    WAIT = "wait"  # it stays approved, with the reason, and is looked at again
    SKIP = "skip"  # it is not approved: nothing to do
    REOPEN = "reopen"  # back to its gate, at this revision
    DRIFT = "drift"  # back to its gate, as a new revision with the difference
    CANCEL = "cancel"
    EXPIRE = "expire"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why it does not go. `until`: when it may, where that is known. `gates`: those still to pass."""

    then: Then
    reason: str
    detail: str
    until: datetime | None = None
    gates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A named check: `check` answers None where it lets the request through. `fine` is what people read then."""

    name: str
    check: Callable[[Facts], Stop | None]
    fine: str


def approved(facts: Facts) -> Stop | None:
    status = Status(facts.row.status)
    if status == Status.APPROVED:
        return None
    return Stop(then=Then.SKIP, reason=status.value, detail=f"It is not approved: {status.label.lower()}.")


def identity(facts: Facts) -> Stop | None:
    """P16: a copy or an old state of the database sends nothing before a person resumes."""
    if not facts.ground.restored:
        return None
    return Stop(
        then=Then.WAIT,
        reason=RECONCILE,
        detail="This database was restored or copied. An operator looks at what waits, then resumes.",
    )


def expiry(facts: Facts) -> Stop | None:
    """Its own time, and that of the approval: as long as the strictest gate it passed lets one lie unused, from the
    approval on, or from the time it was scheduled for if that is later.
    """
    row = facts.row
    if row.expires_at is not None and row.expires_at <= facts.now:
        detail = f"Its time ended at {row.expires_at:%Y-%m-%d %H:%M} UTC."
        return Stop(then=Then.EXPIRE, reason="expired", detail=detail)
    passed = {a.gate for a in facts.approvals if a.gate_passed and a.revision == row.revision}
    allowed = [facts.ground.gates[name].expires_after_seconds for name in passed if name in facts.ground.gates]
    if row.approved_at is None or not allowed:
        return None
    until = max(row.approved_at, row.scheduled_for or row.approved_at) + timedelta(seconds=min(allowed))
    if until > facts.now:
        return None
    detail = f"Its approval was good until {until:%Y-%m-%d %H:%M} UTC. Propose it anew."
    return Stop(then=Then.EXPIRE, reason="expired", detail=detail)


def seal(facts: Facts) -> Stop | None:
    """P1: the digest approved equals that of the document and bytes at hand, and the columns say the same."""
    row, document = facts.row, facts.document
    if document is None:
        return _drift("its frozen text")
    if any(a.revision == row.revision and a.digest != row.digest for a in facts.approvals):
        return _drift("its frozen text, with its digests")
    columns = {
        "channel": row.channel,
        "to": row.to,
        "mode": row.mode,
        "contact": str(row.contact_id) if row.contact_id else None,
        "request": str(row.id),
        "workspace": str(row.workspace_id),
    }
    for name, value in columns.items():
        if document.get(name) != value:
            return _drift(name)
    window = document.get("window") or {}
    if (_at(window.get("scheduled_for")), _at(window.get("expires_at"))) != (row.scheduled_for, row.expires_at):
        return _drift("its time window")
    for digest in document.get("wire", ()):
        if digest not in facts.parts or sha256_hex(facts.parts[digest]) != digest:
            return _drift("its frozen bytes")
    return None


def sender(facts: Facts) -> Stop | None:
    """The account's host, user and sender address are those that were approved."""
    sealed = (facts.document or {}).get("sender")
    if sealed is None:
        return None  # frozen without an account: `account` below decides
    if facts.sender_now is not None and facts.sender_now.as_document() == sealed:
        return None
    return _drift("the sender's account")


def policy(facts: Facts) -> Stop | None:
    """P1, P14: live decisions satisfy the policy in force now, each by somebody who may decide now (P5)."""
    if facts.policy_facts is None:
        return Stop(then=Then.REOPEN, reason="policy", detail="Its facts cannot be told, so a person decides.")
    verdict = _verdict(facts, facts.policy_facts)
    if verdict.outcome == Outcome.REFUSE:
        return Stop(then=Then.REFUSE, reason="policy", detail=" ".join(verdict.reasons))
    if verdict.outcome == Outcome.RUN_ALONE:
        return None
    missing = tuple(gate for gate in verdict.gates if not _is_passed(facts, gate))
    if not missing:
        return None
    return Stop(
        then=Then.REOPEN,
        reason="policy",
        detail=f"Still to be approved at {', '.join(missing)}. " + " ".join(verdict.reasons),
        gates=missing,
    )


def mode(facts: Facts) -> Stop | None:
    """P7: what was approved in one mode never runs in another."""
    if facts.row.mode == facts.ground.mode:
        return None
    return Stop(
        then=Then.WAIT,
        reason="mode_changed",
        detail=f"It was approved for {Mode(facts.row.mode).label.lower()}; the workspace is now set to "
        f"{Mode(facts.ground.mode).label.lower()}. Seal it again to approve it for that.",
    )


def hold(facts: Facts) -> Stop | None:
    """P6."""
    for held in facts.holds:
        if covers(hold=held, facts=facts):
            return Stop(then=Then.WAIT, reason=f"hold:{held.scope}", detail=f"On hold ({held.address}): {held.reason}")
    return None


def suppression(facts: Facts) -> Stop | None:
    """P10: a suppression committed before the mark wins over every approval."""
    if not facts.recipients.suppressed:
        return None
    return Stop(then=Then.CANCEL, reason="suppressed", detail="A recipient must not be contacted.")


def account(facts: Facts) -> Stop | None:
    """Outside a dry run there is an account, it is not stopped, and its service has not asked for a pause."""
    if facts.row.mode == Mode.DRY_RUN:
        return None
    if facts.sender_now is None:
        return Stop(
            then=Then.WAIT, reason="no_account", detail=f"No account for {facts.spec.label} is set up here. Add one."
        )
    if facts.account is not None and facts.account.state == AccountState.STOPPED:
        return Stop(
            then=Then.WAIT,
            reason="account_stopped",
            detail=f"The account {facts.account.name} is stopped: {facts.account.stopped_reason or 'by a person'}.",
        )
    if (facts.document or {}).get("sender") is None:
        return _drift("the sender's account")
    until = facts.account.throttled_until if facts.account else None
    if facts.account is not None and until is not None and until > facts.now:
        detail = f"The service asked the account {facts.account.name} to wait until {until:%Y-%m-%d %H:%M:%S} UTC."
        return Stop(then=Then.WAIT, reason="throttled", detail=detail, until=until)
    return None


def auto_execution(facts: Facts) -> Stop | None:
    if facts.manual or facts.ground.auto_execution:
        return None
    return Stop(
        then=Then.WAIT,
        reason="auto_execution_off",
        detail="Carrying out by itself is switched off. Use “Run now”, or switch it on.",
    )


def operator(facts: Facts) -> Stop | None:
    """The dead-man's switch: what runs alone waits where nobody who may decide was seen for long."""
    after, seen = facts.ground.absent_after, facts.decider_seen_at
    if after is None or not facts.row.runs_alone or (seen is not None and facts.now - seen < after):
        return None
    return Stop(
        then=Then.WAIT,
        reason=NO_OPERATOR,
        detail=f"It runs alone, and nobody who may decide was seen for {after // timedelta(hours=1)} h. It goes once "
        "one of them opens the console.",
    )


def schedule(facts: Facts) -> Stop | None:
    at = facts.row.scheduled_for
    if at is None or at <= facts.now:
        return None
    return Stop(then=Then.WAIT, reason="scheduled", detail=f"Scheduled for {at:%Y-%m-%d %H:%M} UTC.", until=at)


def undo_window(facts: Facts) -> Stop | None:
    at = facts.row.undo_until
    if at is None or at <= facts.now:
        return None
    return Stop(then=Then.WAIT, reason="undo_window", detail="The approval can still be taken back.", until=at)


def stale(facts: Facts) -> Stop | None:
    """What an outage or a long hold kept past its channel's allowance asks a person before it goes.

    Overdue is counted from the latest of its schedule, its approval with the undo window, and the end of the last wait
    that was its own (a limit, hours, a new try) or a person's release.
    """
    row = facts.row
    moments = [at for at in (row.scheduled_for, row.approved_at, row.undo_until, row.overdue_from) if at is not None]
    if not moments or facts.now - max(moments) <= timedelta(seconds=facts.spec.overdue_seconds):
        return None
    return Stop(
        then=Then.WAIT,
        reason=STALE,
        detail=f"It was due at {max(moments):%Y-%m-%d %H:%M} UTC, which is more than "
        f"{facts.spec.overdue_seconds // 3600} h ago. Release it on the page Overdue, or withdraw it.",
    )


def canary(facts: Facts) -> Stop | None:
    """The rest of a large plan waits for the slice that goes first, and for its failures, bounces and complaints."""
    first = facts.canary
    if first is None or facts.row.canary or facts.row.mode == Mode.DRY_RUN:
        return None
    match first.state(now=facts.now):
        case CanaryState.PASSED:
            return None
        case CanaryState.STOPPED:
            detail = f"{first.what_is_wrong or 'The slice that went first was stopped.'} A person looks at its plan."
        case CanaryState.WATCHING:
            detail = f"The {first.size} of its plan that went first are watched until {first.until:%Y-%m-%d %H:%M} UTC."
            return Stop(then=Then.WAIT, reason=CANARY, detail=detail, until=first.until)
        case CanaryState.RUNNING:
            detail = f"{first.size} of its plan go first; {first.settled} of them are settled."
    return Stop(then=Then.WAIT, reason=CANARY, detail=detail)


def quiet_hours(facts: Facts) -> Stop | None:
    """P9: SMS and voice inside the law's hours, and every channel inside the workspace's, by the recipient's clock."""
    own = facts.ground.windows.get(facts.row.channel)
    windows = ((CALLING_HOURS,) if facts.spec.calling_hours else ()) + ((own,) if own else ())
    if not windows or not facts.zones:
        return None
    until = next_open(now=facts.now, zones=facts.zones, windows=windows)
    if until == facts.now:
        return None
    hours = " and ".join(f"{window.opens:%H:%M} to {window.closes:%H:%M}" for window in windows)
    where = facts.zones[0] if len(facts.zones) == 1 else f"{len(facts.zones)} zones, since the recipient's is unknown"
    if until is None:
        detail = f"No hour is inside {hours} in {where}. Give the contact a time zone."
    else:
        detail = f"Outside the hours in which it may reach people ({hours}, {where}); until {until:%Y-%m-%d %H:%M} UTC."
    return Stop(then=Then.WAIT, reason="quiet_hours", detail=detail, until=until)


def limits(facts: Facts) -> Stop | None:
    """P8. Lets everything through by itself: the claim takes the places, the preflight only looks for them."""
    return None


LIMITS = Guard(name="limits", check=limits, fine="Every limit has room, or none applies.")
GUARDS: tuple[Guard, ...] = (
    Guard(name="approved", check=approved, fine="Everyone whose approval it takes has approved it."),
    Guard(name="identity", check=identity, fine="This is the database that a person adopted."),
    Guard(name="expiry", check=expiry, fine="Its time has not run out."),
    Guard(name="seal", check=seal, fine="It is byte for byte what was approved."),
    Guard(name="sender", check=sender, fine="It goes through the account that was approved."),
    Guard(name="policy", check=policy, fine="The policy in force allows it."),
    Guard(name="mode", check=mode, fine="The workspace is in the mode it was approved for."),
    Guard(name="hold", check=hold, fine="Nothing holds it."),
    Guard(name="suppression", check=suppression, fine="No recipient is suppressed."),
    Guard(name="account", check=account, fine="Its account works."),
    Guard(name="auto_execution", check=auto_execution, fine="Approved work is carried out by itself."),
    Guard(name="operator", check=operator, fine="Somebody who may decide was seen, or a person approved it."),
    Guard(name="schedule", check=schedule, fine="It is due."),
    Guard(name="undo_window", check=undo_window, fine="The time to undo has passed."),
    Guard(name="stale", check=stale, fine="It is not overdue for long."),
    Guard(name="canary", check=canary, fine="No part of its plan has to go first."),
    Guard(name="quiet_hours", check=quiet_hours, fine="The recipient may be reached at this hour."),
    LIMITS,
)


def first_stop(facts: Facts, *, guards: Sequence[Guard] = GUARDS) -> Stop | None:
    """The first guard's stop, or None where every one lets it through."""
    for guard in guards:
        stop = guard.check(facts)
        if stop is not None:
            return stop
    return None


def covers(*, hold: Hold, facts: Facts) -> bool:
    """Whether a hold in force stops this request."""
    row = facts.row
    match hold.scope:
        case HoldScope.GLOBAL:
            return True
        case HoldScope.WORKSPACE:
            return hold.workspace_id == row.workspace_id
        case HoldScope.CHANNEL:
            key = row.channel
        case HoldScope.AGENT:
            key = row.agent
        case HoldScope.CAMPAIGN:
            key = str(row.campaign_id)
        case HoldScope.PLAN:
            key = str(row.plan_id)
        case HoldScope.ACCOUNT:
            key = str(row.account_id) if row.account_id else "default"
        case _:
            return True  # a scope nobody knows stops, rather than lets through
    return hold.workspace_id == row.workspace_id and hold.key == key


def _verdict(facts: Facts, policy_facts: Mapping[str, Any]) -> PolicyVerdict:
    """What the policy in force says, kept with the ground: both are good while the guards' epoch stands."""
    key = (facts.spec.default_gate, *policy_facts.items())
    known = facts.ground.verdicts.get(key)
    if known is None:
        known = evaluate(rules=facts.ground.rules, facts=policy_facts, default_gate=facts.spec.default_gate)
        facts.ground.verdicts[key] = known
    return known


def _is_passed(facts: Facts, gate: str) -> bool:
    definition = facts.ground.gates.get(gate)
    quorum = definition.quorum if definition else 1
    people = {
        a.principal_id
        for a in facts.approvals
        if a.gate == gate
        and a.gate_passed
        and a.revision == facts.row.revision
        and a.digest == facts.row.digest
        and (a.sole_operator or a.principal_id not in facts.authors)
        and role_opens(role=facts.deciders.get(a.principal_id), definition=definition)
    }
    return len(people) >= quorum


def _drift(what: str) -> Stop:
    return Stop(then=Then.DRIFT, reason="seal", detail=f"Changed after the approval: {what}.")


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
