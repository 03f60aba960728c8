"""A lane: one thread with its own database connection and its own connection to each provider.

It marks a chunk (settling the one before in the same commit), performs it call by call, and so on until nothing is
due. Between the calls it looks whether it may still go on: its lease, the holds, the wish to stop.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from execution.engine.calling import act_of, second_look
from execution.engine.chunk import Chunk, Claim, Marked, mark
from execution.engine.claim import due_workspaces
from execution.engine.connections import Connections
from execution.engine.facts import Facts
from execution.engine.failpoints import reached
from execution.engine.guards import GUARDS, Guard
from execution.engine.load import GroundCache
from execution.engine.outcomes import Outcome, not_begun, of_error, of_preparation, of_receipt
from execution.engine.pace import has_pace, in_turn
from execution.engine.progress import PlanProgress, plan_progress_last
from execution.engine.settle import Performed, settle
from execution.engine.worker import RunningWorker
from execution.models import ProviderAccount
from execution.providers import dry_run
from execution.providers import registry as providers
from execution.providers.errors import Misconfigured, ProviderError, Stale
from execution.services.bursts import COUNTED, Call, stop_bursts
from execution.services.canaries import follow_canaries
from execution.services.failures import account_broken, account_throttled
from execution.services.restoring import stop_if_restored
from workspaces.actors import Actor
from workspaces.guard_lock import share_guards
from workspaces.models import Mode, Workspace
from workspaces.scope import all_workspaces, workspace_scope

logger = logging.getLogger(__name__)

SETTLE_AFTER = 1.0  # seconds: what has ended is put on record at least this often
LOOK_AFTER_FAILURES = 5  # calls that definitely failed are put on record by fives, so that a burst is seen early
CHUNK_SECONDS = 2.0  # a chunk is made small enough to take about this long
# For a free connection to an account, where nothing else is left to do: about as long as one who leaves takes for it.
WAIT_FOR_CONNECTION, LOOK_EVERY = 2.0, 0.1  # seconds


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a drain did."""

    claimed: int = 0
    succeeded: int = 0
    failed: int = 0
    uncertain: int = 0
    crowded: int = 0  # lanes that left something due because its account had no connection free

    def add(self, counts: dict[str, int]) -> None:
        for name, count in counts.items():
            setattr(self, name, getattr(self, name) + count)


@dataclass(slots=True, kw_only=True)
class Lane:
    """See the module. `may_go_on` is asked before every call; `on_backlog` is called once a full chunk was found."""

    worker: RunningWorker
    manual: bool
    actor: Actor
    may_go_on: Callable[[], bool]
    on_backlog: Callable[[], None]
    only: Sequence[UUID] | None = None
    workspace: Workspace | None = None
    guards: Sequence[Guard] = GUARDS
    tally: Tally = field(default_factory=Tally)
    _cache: GroundCache = field(default_factory=GroundCache)
    _connections: Connections = field(default_factory=Connections)
    _crowded: dict[UUID, ProviderAccount] = field(default_factory=dict)
    _pending: list[Performed] = field(default_factory=list)
    _chunk: Chunk | None = None
    _settled_at: float = 0.0
    _per_call: float = 0.0
    _waited: float = 0.0  # for turns, in this chunk
    _broken: tuple[Facts, str] | None = None
    _throttled: tuple[Workspace, ProviderAccount, float] | None = None
    _failed: list[tuple[Workspace, Call]] = field(default_factory=list)
    _slices: set[UUID] = field(default_factory=set)  # plans of whose slice something ended

    def run(self) -> None:
        """Work until nothing is due, the worker has to stop, or its lease is gone."""
        try:
            with all_workspaces("a lane serves every workspace in turn"):
                done_here: set[UUID] = set()
                while self.may_go_on() and self.worker.lease.holds:
                    found = [self.workspace.id] if self.workspace else due_workspaces(manual=self.manual)
                    due = [w for w in found if w not in done_here]
                    if not due:
                        if not self._found_a_connection():
                            break
                        done_here.clear()
                        continue
                    # One chunk from each in turn: a workspace with much to do never keeps the others waiting.
                    for workspace_id in due:
                        if not (self.may_go_on() and self.worker.lease.holds):
                            break
                        if not self._one_chunk(workspace_id):
                            done_here.add(workspace_id)
                self._flush()
        finally:
            self._connections.close()

    def _found_a_connection(self) -> bool:
        """Whether one came free at an account where something is due that this lane had to leave.

        Its claim may have hidden those rows, for a moment, from the last look of whoever had the connection: if both
        left, nobody would come back before the next sweep.
        """
        if not self._crowded:
            return False
        self._flush()
        until = time.monotonic() + WAIT_FOR_CONNECTION
        while self.may_go_on() and self.worker.lease.holds and time.monotonic() < until:
            self._connections.leave_idle()
            if any(self._connections.may_use(account) for account in self._crowded.values()):
                self._crowded.clear()
                return True
            time.sleep(LOOK_EVERY)
        self.tally.crowded = 1
        return False

    def _one_chunk(self, workspace_id: UUID) -> bool:
        """Mark and perform one chunk. False where nothing more is due in this workspace."""
        claim = self._mark(workspace_id)
        if claim.full:
            self.on_backlog()
        if claim.chunk:
            self.tally.claimed += len(claim.chunk.members)
            reached("marked")
            self._perform(claim.chunk)
        if self.only is not None:
            # Each of these is looked at once, whatever it then waits for.
            seen = set(claim.seen)
            self.only = [request_id for request_id in self.only if request_id not in seen]
        return bool(claim.seen)

    def _mark(self, workspace_id: UUID) -> Claim:
        reached("before_mark")
        stop_if_restored()
        self._connections.leave_idle()
        asked = time.monotonic()
        with transaction.atomic(), plan_progress_last() as progress:
            # Before the settling locks any row: a change of guards locks in this order too (guard_lock.py).
            share_guards(workspace_ids=[workspace_id])
            self._settle_pending(progress)
            claim = mark(
                workspace_id=workspace_id,
                worker_id=self.worker.id,
                cache=self._cache,
                manual=self.manual,
                at_most=self._chunk_size(),
                actor=self.actor,
                only=self.only,
                guards=self.guards,
                call_seconds=self._per_call,
                may_use=self._connections.may_use,
            )
        self._forget_settled()
        self._crowded |= {account.id: account for account in claim.crowded}
        self._chunk = claim.chunk
        if claim.chunk:
            self.worker.watch.saw(facts=claim.chunk.members[0].facts, at=asked)
        return claim

    def _chunk_size(self) -> int:
        if self._per_call <= 0:
            return 100
        return max(1, min(100, int(CHUNK_SECONDS / self._per_call)))

    def _perform(self, chunk: Chunk) -> None:
        if chunk.members[0].facts.row.mode == Mode.DRY_RUN:
            self._rehearse(chunk, note="")
            return
        started, self._waited = time.monotonic(), 0.0
        for place, member in enumerate(chunk.members):
            reason = self._why_not(member)
            if reason:
                for rest in chunk.members[place:]:
                    self._note(rest, not_begun(self._why_not(rest) or reason))
                break
            outcome = self._call(member)
            self._note(member, outcome)
            if len(self._failed) >= LOOK_AFTER_FAILURES:
                self._flush()
            if outcome.kind == "misconfigured":
                # The rest of the chunk goes through the same account, and would meet the same.
                for rest in chunk.members[place + 1 :]:
                    self._note(rest, not_begun("account_stopped"))
                self._flush()  # and with it the account is stopped, before anything more is marked
                break
            if self._throttled:
                # Whoever is asked for peace and goes on is shut out for longer.
                for rest in chunk.members[place + 1 :]:
                    self._note(rest, not_begun("throttled"))
                self._flush()
                break
            self._per_call = (time.monotonic() - started - self._waited) / (place + 1)
            if time.monotonic() - self._settled_at > SETTLE_AFTER:
                self._flush()

    def _why_not(self, member: Marked) -> str:
        """Why a marked request must not begin now; empty where it may."""
        if not self.may_go_on():
            return "stopping"
        if not self.worker.lease.holds:
            return "lease_lost"
        held = self.worker.watch.over(member.facts)
        return f"hold:{held}" if held else ""

    def _call(self, member: Marked) -> Outcome:
        try:
            return self._call_once(member)
        except Stale:
            # Opening another takes time, in which a hold may come: from the beginning, with every look.
            pass
        try:
            outcome = self._call_once(member)
        except Stale as error:
            outcome = of_error(error)
        return self._ended(member, outcome)  # the first try is in the journal as begun

    def _call_once(self, member: Marked) -> Outcome:
        """Raises Stale where nothing was sent because the kept connection is gone."""
        facts = member.facts
        drafting = facts.row.mode == Mode.DRAFT_ONLY
        try:
            provider = providers.get(facts.sender_now.provider) if facts.sender_now else None
            if provider is None or (drafting and not provider.can_draft):
                self._record_dry(member, note="its provider keeps no drafts")
                return Outcome(kind="dry_run", detail="")
            act, connection = act_of(facts, attempt_id=member.attempt_id), self._connections.to(facts)
            connection.open(act)  # in its slot, and after the last look at the holds, the call itself begins
        except (ProviderError, Misconfigured) as error:
            return of_preparation(error)
        except Exception as error:
            logger.exception("Request %s could not be prepared.", facts.row.id)
            return of_preparation(error)
        if has_pace(facts.account) and (reason := self._wait_for(member, slot=member.slot)):
            return not_begun(reason)
        journal = self.worker.journal
        journal.began(member.attempt_id)
        # Asked again after the line is written, for which a busy disk may take its time: from here on a recovery takes
        # this one for begun.
        if reason := self._why_not(member):
            return self._ended(member, not_begun(reason))
        reached("began")
        begun_at = time.monotonic()
        try:
            receipt = connection.draft(act) if drafting else connection.perform(act)
            outcome = of_receipt(receipt, kind="draft" if drafting else "done")
        except Stale:
            raise
        except Exception as error:  # noqa: BLE001  (every failure of a call is an outcome; of_error says which)
            outcome = of_error(error)
            if outcome.kind == "ambiguous":
                logger.warning("Request %s: outcome unknown (%s).", facts.row.id, type(error).__name__)
                if not drafting:
                    outcome = second_look(
                        connection=connection,
                        act=act,
                        first=outcome,
                        begun_at=begun_at,
                        why_not=lambda: self._wait_for(member, slot=None),
                    )
        reached("called")
        return self._ended(member, outcome)

    def _wait_for(self, member: Marked, *, slot: float | None) -> str:
        """As `_why_not`, once it is the call's turn: in that slot, or in the next where there is none."""
        began = time.monotonic()
        if slot is not None and slot - began > SETTLE_AFTER / 2:
            self._flush()  # what has ended does not wait with it
        reason = in_turn(account=member.facts.account, slot=slot, why_not=lambda: self._why_not(member))
        self._waited += time.monotonic() - began
        return reason

    def _ended(self, member: Marked, outcome: Outcome) -> Outcome:
        self.worker.journal.ended(member.attempt_id, outcome.as_json())
        return outcome

    def _rehearse(self, chunk: Chunk, *, note: str) -> None:
        """A dry run: one line each, no call, no credential (P7)."""
        for member in chunk.members:
            reason = self._why_not(member)
            if reason:
                self._note(member, not_begun(reason))
                continue
            self._record_dry(member, note=note)
            self._note(member, Outcome(kind="dry_run"))

    def _record_dry(self, member: Marked, *, note: str) -> None:
        facts = member.facts
        checks = [{"name": guard.name, "ok": True, "detail": guard.fine} for guard in self.guards]
        if note:
            checks.append({"name": "draft", "ok": False, "detail": note})
        entry = dry_run.DryRunEntry(
            at=datetime.now(UTC),
            workspace=facts.ground.workspace.slug,
            request=str(facts.row.id),
            plan=str(facts.row.plan_id) if facts.row.plan_id else None,
            channel=facts.row.channel,
            provider=facts.sender_now.provider if facts.sender_now else "",
            to=list(facts.recipients.addresses),
            payload_digest=facts.row.digest,
            summary=facts.row.summary,
            would_send=facts.sender_now is not None,
            checks=checks,
        )
        dry_run.record([entry], path=settings.DRY_RUN_LOG)

    def _note(self, member: Marked, outcome: Outcome) -> None:
        row = member.facts.row
        if row.canary and row.plan_id:
            self._slices.add(row.plan_id)
        self._pending.append(
            Performed(
                attempt_id=member.attempt_id,
                request_id=row.id,
                attempts_made=row.attempts_made + 1,
                contact_id=row.contact_id,
                plan_id=row.plan_id,
                channel=row.channel,
                summary=row.summary,
                outcome=outcome,
            )
        )
        if outcome.kind == "misconfigured":
            self._broken = (member.facts, outcome.detail)
        elif outcome.kind == "throttled" and member.facts.account is not None and outcome.retry_after:
            self._throttled = (member.facts.ground.workspace, member.facts.account, outcome.retry_after)
        elif outcome.kind in COUNTED:
            call = Call(channel=row.channel, account_id=row.account_id, plan_id=row.plan_id)
            self._failed.append((member.facts.ground.workspace, call))

    def _flush(self) -> None:
        """Settle what has ended, in a commit of its own."""
        if self._pending:
            with transaction.atomic(), plan_progress_last() as progress:
                self._settle_pending(progress)
            self._forget_settled()

    def _settle_pending(self, progress: PlanProgress) -> None:
        if not self._pending or self._chunk is None:
            return
        reached("before_settle")
        self.tally.add(
            settle(
                workspace=self._chunk.ground.workspace,
                chunk_id=self._chunk.id,
                performed=self._pending,
                max_attempts=self._chunk.ground.max_attempts,
                actor=self.actor,
                progress=progress,
            )
        )

    def _forget_settled(self) -> None:
        """After the commit, and never before: what was not committed is settled again."""
        self._settled_at = time.monotonic()
        if self._pending:
            self._pending = []
            reached("settled")
        if self._broken:
            (facts, detail), self._broken = self._broken, None
            with workspace_scope(facts.ground.workspace):
                account_broken(workspace=facts.ground.workspace, account=facts.account, detail=detail)
        if self._throttled:
            (paused, throttled, seconds), self._throttled = self._throttled, None
            with workspace_scope(paused):
                account_throttled(workspace=paused, account=throttled, seconds=seconds)
        if self._failed:
            failed, self._failed = self._failed, []
            workspace = failed[0][0]  # a chunk is of one workspace, and settled before the next one is performed
            with workspace_scope(workspace):
                if stop_bursts(workspace=workspace, failed=[call for _, call in failed]):
                    self.worker.watch.forget()  # our own hold needs no waiting for
        if self._slices and self._chunk:
            plan_ids, self._slices = self._slices, set()
            workspace = self._chunk.ground.workspace
            with workspace_scope(workspace):
                if follow_canaries(workspace=workspace, plan_ids=plan_ids):
                    self.worker.watch.forget()
