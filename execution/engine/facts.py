"""What the guards look at: one request, its seal, its approvals and the state of the world, read at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from execution.channels.base import ChannelSpec
from execution.engine.canary import Canary, Rules
from execution.engine.hours import Window
from execution.engine.warm_up import Ramp
from execution.models import GateDefinition, Hold, Limit, ProviderAccount
from execution.policies import PolicyVerdict
from execution.sending import SenderIdentity
from execution.services.facts import Recipients
from workspaces.models import Role, Workspace


class Row(NamedTuple):
    """The columns of a request that deciding takes; the last two are those of its revision."""

    id: UUID
    workspace_id: UUID
    plan_id: UUID | None
    channel: str
    status: str
    mode: str
    to: str
    contact_id: UUID | None
    account_id: UUID | None
    summary: str
    digest: str
    revision: int
    runs_alone: bool
    scheduled_for: datetime | None
    expires_at: datetime | None
    approved_at: datetime | None
    undo_until: datetime | None
    overdue_from: datetime | None
    wait_reason: str
    attempts_made: int
    agent: str
    campaign_id: UUID | None
    canary: bool
    metadata: Mapping[str, Any]
    document: str
    sealed_digest: str


class Approval(NamedTuple):
    """One live approval of one revision, by someone who is, or is no longer, a member."""

    gate: str
    gate_passed: bool
    revision: int
    digest: str
    principal_id: UUID
    sole_operator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The workspace as a mark or a preflight sees it."""

    workspace: Workspace
    mode: str
    auto_execution: bool
    paused: bool
    restored: bool
    max_attempts: int
    policy_number: int
    rules: Sequence[Mapping[str, Any]]
    gates: Mapping[str, GateDefinition]
    accounts: Mapping[UUID, ProviderAccount]
    holds: Sequence[Hold]
    limits: Sequence[Limit]
    ramps: Mapping[UUID, Ramp]  # by the id of the limit that counts one
    windows: Mapping[str, Window]  # by channel
    canary_rules: Rules
    absent_after: timedelta | None  # the dead-man's switch; None where it is off
    # What the rules said of facts seen before, by channel: a plan's requests mostly share them.
    verdicts: dict[tuple[Any, ...], PolicyVerdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One request and all a guard may ask about it. `manual`: started by “Run now”, `drain` or the cron POST."""

    row: Row
    spec: ChannelSpec
    document: Mapping[str, Any] | None  # None where it no longer has the digest it was frozen under
    parts: Mapping[str, bytes] = field(repr=False)
    approvals: Sequence[Approval]
    authors: frozenset[UUID]
    deciders: Mapping[UUID, Role]  # who may decide now, among those who approved
    recipients: Recipients
    # The zones that whoever it reaches may be in; empty where no hours apply.
    zones: tuple[str, ...]
    policy_facts: Mapping[str, Any] | None
    sender_now: SenderIdentity | None
    account: ProviderAccount | None
    holds: Sequence[Hold]
    # The slice of its plan that goes before it; None where there is none, or the rest was let go.
    canary: Canary | None
    # When somebody who may decide was last seen; read only where the dead-man's switch asks for it.
    decider_seen_at: datetime | None
    ground: Ground
    now: datetime
    manual: bool
