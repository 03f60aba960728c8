"""The slice of a large plan that goes first: how it fares, and whether the rest of the plan may follow."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from contacts import selectors as people
from contacts.models import SuppressionReason
from execution.channels import registry
from execution.models import ExecutionPlan, ExecutionRequest
from execution.states import SETTLED, Status
from workspaces.prepared import Prepared

_NEWS = (SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT)
_PLANS = Prepared(
    lambda ids: (
        ExecutionPlan.objects.filter(id__among=ids)
        .order_by()
        .values_list("id", "size", "canary_size", "canary_over_at", "canary_stopped_at")
    ),
    ids=list[UUID],
)
_SLICES = Prepared(
    lambda ids: (
        ExecutionRequest.objects.filter(plan_id__among=ids, canary=True)
        .order_by()
        .values_list("plan_id", "channel", "to", "status", "settled_at", "is_dry_run")
    ),
    ids=list[UUID],
)


class PlanRow(NamedTuple):
    """The columns of a plan that deciding takes."""

    id: UUID
    size: int
    canary_size: int
    canary_over_at: datetime | None
    canary_stopped_at: datetime | None

    @property
    def has_canary(self) -> bool:
        return self.canary_size > 0 and self.canary_over_at is None


class CanaryState(StrEnum):
    """Where the slice of a plan stands."""

    RUNNING = "running"  # it is being carried out
    WATCHING = "watching"  # it is done, and its news are waited for
    PASSED = "passed"
    STOPPED = "stopped"  # a person looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a slice is measured by: for how long, and how much of it may go wrong (percent)."""

    watch: timedelta
    failures_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """How the slice of one plan fares. `done_at`: when the last of what was carried out ended, once nothing of the
    slice is left to do.
    """

    size: int
    settled: int
    succeeded: int
    failed: int
    bounced: int
    complained: int
    done_at: datetime | None
    over_at: datetime | None
    stopped_at: datetime | None
    rules: Rules

    @property
    def until(self) -> datetime | None:
        """The end of the watch, once it is known."""
        return self.done_at + self.rules.watch if self.done_at else None

    def state(self, *, now: datetime) -> CanaryState:
        if self.over_at is not None:
            return CanaryState.PASSED
        if self.stopped_at is not None or self.what_is_wrong:
            return CanaryState.STOPPED
        if self.until is None:
            return CanaryState.RUNNING
        return CanaryState.WATCHING if now < self.until else CanaryState.PASSED

    @property
    def what_is_wrong(self) -> str:
        """Why a person has to look, in words; empty where nothing speaks against the rest."""
        wrong = self.failed + self.bounced
        if self.complained:
            return f"{self.complained} of the {self.size} that went first complained."
        if wrong * 100 > self.rules.failures_percent * self.size:
            return (
                f"{wrong} of the {self.size} that went first failed or bounced; at most "
                f"{self.rules.failures_percent} % may."
            )
        if self.settled == self.size and not self.succeeded and not self.failed:
            return f"None of the {self.size} that were to go first was carried out, so nothing is known of the rest."
        return ""


def plans_named(ids: set[UUID]) -> dict[UUID, PlanRow]:
    """What guards read of these plans, in one query; none where there is none."""
    return {row[0]: PlanRow(*row) for row in _PLANS.rows(ids=sorted(ids))} if ids else {}


def rules_of(values: Mapping[str, Any]) -> Rules:
    """How slices are measured, by the settings in force."""
    return Rules(watch=timedelta(minutes=values["canary_minutes"]), failures_percent=values["canary_failures_percent"])


def canaries_of(*, workspace_id: UUID, plans: Sequence[PlanRow], rules: Rules) -> dict[UUID, Canary]:
    """How the slices of these plans of one workspace fare: one query for all plans, and one for each kind of address
    that something went to. Inside the scope.

    Bounces and complaints are those on the suppression list, whoever put them there.
    """
    if not plans:
        return {}
    rows: dict[UUID, list[_Member]] = defaultdict(list)
    for plan_id, *member in _SLICES.rows(ids=[plan.id for plan in plans]):
        rows[plan_id].append(_Member(*member))
    news = _news(workspace_id=workspace_id, members=[one for members in rows.values() for one in members])
    return {plan.id: _canary(plan=plan, members=rows[plan.id], news=news, rules=rules) for plan in plans}


class _Member(NamedTuple):
    channel: str
    to: str
    status: str
    settled_at: datetime | None
    is_dry_run: bool

    @property
    def kind(self) -> str:
        return "phone" if registry.get(self.channel).recipient_kind == "phone" else "email"

    @property
    def went(self) -> bool:
        return self.status == Status.SUCCEEDED and not self.is_dry_run


def _news(*, workspace_id: UUID, members: Sequence[_Member]) -> dict[tuple[str, str], str]:
    """What became of addresses that something went to: (kind, address) -> bounce or complaint."""
    found: dict[tuple[str, str], str] = {}
    for kind in sorted({one.kind for one in members if one.went and one.to}):
        addresses = sorted({one.to for one in members if one.went and one.to and one.kind == kind})
        reasons = people.suppression_reasons(workspace_id=workspace_id, kind=kind, addresses=addresses)
        found |= {(kind, address): reason for address, reason in reasons.items() if reason in _NEWS}
    return found


def _canary(*, plan: PlanRow, members: Sequence[_Member], news: dict[tuple[str, str], str], rules: Rules) -> Canary:
    # What is uncertain is not settled: a person has yet to say whether it went.
    settled = [one for one in members if Status(one.status) in SETTLED - {Status.UNCERTAIN}]
    went = [one for one in settled if one.went]
    failed = [one for one in settled if one.status == Status.FAILED]
    told = [news.get((one.kind, one.to)) for one in went]
    ended = [one.settled_at for one in (*went, *failed) if one.settled_at is not None]
    return Canary(
        size=len(members),
        settled=len(settled),
        succeeded=len(went),
        failed=len(failed),
        bounced=told.count(SuppressionReason.BOUNCE),
        complained=told.count(SuppressionReason.COMPLAINT),
        done_at=max(ended, default=None) if len(settled) == len(members) else None,
        over_at=plan.canary_over_at,
        stopped_at=plan.canary_stopped_at,
        rules=rules,
    )
