"""The acts that tests are made of: each calls the shipped service, and tells the model what was done."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from contacts.models import Contact
from contacts.services import suppress, update_contact
from execution import hold, propose, propose_plan, release
from execution.engine import sweep
from execution.engine.drain import DrainResult, drain
from execution.engine.guards import GUARDS, Guard
from execution.engine.preflight import preflight
from execution.engine.recover import recover_dead_workers
from execution.models import ExecutionRequest
from execution.services import decisions, editing, lifecycle
from execution.services.accounts import resume_account, save_account, stop_account
from execution.services.gates import update_gate
from execution.services.limits import set_limit
from execution.services.policies import publish
from execution.services.restoring import resume_after_restore, stop_if_restored
from execution.services.windows import set_window
from execution.states import Status
from execution.types import UNSET, Proposal
from tests.builders import make_consent, make_contact, make_member, make_workspace
from tests.machine.model import DECIDERS, PEOPLE, POLICIES, Expected, FirstOfPlan, Model
from tests.machine.promises import Broken, Promises, document_of
from tests.machine.recorder import Answer
from tests.machine.rig import LEASE, Rig
from tests.machine.workers import SteppedWorker
from workspaces.actors import Actor, agent_actor, resolve_actor, service_actor, system_actor
from workspaces.errors import Conflict, CountersignError
from workspaces.models import Installation, Membership, Role
from workspaces.scope import all_workspaces, workspace_scope
from workspaces.services import record_seen
from workspaces.services.members import change_member
from workspaces.settings_store import set_setting

ROLES = {"omar": Role.OWNER, "rosa": Role.APPROVER, "sam": Role.APPROVER, "ada": Role.AUTHOR, "vic": Role.VIEWER}
_numbers = count(1)


class World:
    """A workspace of its own in the rig's database, with its people, contacts, account and workers.

    `guards`: those that its workers ask; a test takes one out.
    """

    def __init__(self, rig: Rig, *, guards: Sequence[Guard] = GUARDS) -> None:
        self.rig, self.guards, self.model = rig, guards, Model()
        self._actors: dict[str, Actor] = {}
        self.workspace = make_workspace(f"run{next(_numbers)}")
        for name in PEOPLE:
            make_member(self.workspace, name, role=ROLES[name])
        self.alice = make_contact(self.workspace, name="Alice", email="alice@example.org")
        self.bob = make_contact(self.workspace, name="Bob", email="bob@example.org")
        make_consent(self.workspace, self.alice)
        self.publish("one_gate")
        self.account = save_account(
            workspace=self.workspace,
            actor=self.actor("omar"),
            name="Recorder",
            channel="email",
            provider="recorder",
            host="mail.example.org",
            security="none",
            from_email="office@example.org",
            from_name="The office",
            is_default=True,
            secret="a secret",
        )
        self.workers: list[SteppedWorker] = []
        self.last: UUID | None = None  # the request proposed last
        self.planned: list[UUID] = []  # the requests of the plan proposed last
        self.promises = Promises(rig=rig, workspace=self.workspace, model=self.model, account=self.account)
        rig.on_call, rig.answer = self.promises.check_call, Answer.OK
        rig.faults.clear()

    def actor(self, name: str) -> Actor:
        """Somebody as the shipped code finds them, looked up anew once a member was switched off or on.

        Raises NotPermitted for who is switched off.
        """
        found = self._actors.get(name)
        if found is None:
            found = self._actors[name] = self._find_actor(name)
        return found

    def _find_actor(self, name: str) -> Actor:
        if name == "crm":
            return service_actor(workspace=self.workspace, name="crm")
        if name == "writer":
            return agent_actor(workspace=self.workspace, slug="writer")
        return resolve_actor(label=f"human:{name}", workspace=self.workspace, via="python")

    def now(self) -> datetime:
        """By the database's clock."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            now: datetime = cursor.fetchone()[0]
        return now

    def check(self) -> None:
        """Hold every promise against what happened since the last time. Raises Broken."""
        self.promises.check()

    # Proposing and editing.

    def propose(
        self,
        by: str = "ada",
        *,
        to: str = "bob",
        copy_to: str | None = None,
        due_in: float | None = None,
        expires_in: float | None = None,
    ) -> UUID:
        """Somebody proposes a mail to Alice (who consented) or Bob (who did not)."""
        contact: Contact = getattr(self, to)
        copies = [getattr(self, copy_to).email] if copy_to else []
        subject = f"A hearing, number {next(_numbers)}"
        now = self.now()
        scheduled, expires = _after(now, due_in), _after(now, expires_in)
        request = propose(
            workspace=self.workspace,
            actor=self.actor(by),
            channel="email",
            contact=contact,
            payload={"subject": subject, "text": "Dear reader,", **({"cc": copies} if copies else {})},
            scheduled_for=scheduled,
            expires_at=expires,
        )
        self.last = request.id
        self.model.requests[request.id] = Expected(
            id=request.id,
            digest=request.digest,
            document=document_of(request),
            recipients=(contact.email, *copies),
            subject=subject,
            mode=self.model.mode,
            scheduled_for=scheduled.timestamp() if scheduled else None,
            expires_at=expires.timestamp() if expires else None,
            consented=contact == self.alice and not copies,
            authors={by},
            undo_until=now.timestamp() + self.model.undo_seconds,
        )
        expected = Status.PENDING
        gates = self.model.gates_for(self.model.requests[request.id])
        if gates is None:
            expected = Status.REFUSED
        elif not gates:
            expected = Status.APPROVED
        if request.status != expected:
            raise Broken("P1", f"a proposal became {request.status} and not {expected}")
        return request.id

    def propose_plan(self, count: int) -> None:
        """Ada proposes as many mails to Bob, together."""
        payloads = [{"subject": f"A hearing, number {next(_numbers)}", "text": "Dear reader,"} for _ in range(count)]
        plan = propose_plan(
            workspace=self.workspace,
            actor=self.actor("ada"),
            title="Hearings",
            items=[Proposal(channel="email", contact=self.bob.id, payload=payload) for payload in payloads],
        )
        with workspace_scope(self.workspace):
            requests = list(ExecutionRequest.objects.select_related("current").filter(plan=plan).order_by("id"))
        for request in requests:
            document = document_of(request)
            self.model.requests[request.id] = Expected(
                id=request.id,
                digest=request.digest,
                document=document,
                recipients=(self.bob.email,),
                subject=document["payload"]["subject"],
                mode=self.model.mode,
                authors={"ada"},
            )
        above, minutes = self.model.canary
        if above and count > above:
            size = -(-count * 5 // 100)
            first = FirstOfPlan(members=frozenset(r.id for r in requests), size=size, watch=minutes * 60.0)
            self.model.first_of_plans.append(first)
        self.planned = [request.id for request in requests]

    def approve_plan(self) -> None:
        """Rosa approves each request of the plan proposed last."""
        for request_id in self.planned:
            self.approve(request_id)

    def all_went(self) -> None:
        """The whole plan was carried out by now."""
        left = [self.status(request_id) for request_id in self.planned if self.status(request_id) != Status.SUCCEEDED]
        if left:
            raise Broken("P4", f"{len(left)} of the plan were left lying: {left}")

    def edit(
        self, request_id: UUID, by: str = "ada", *, words: bool = True, expires_in: float | None = None
    ) -> CountersignError | None:
        """Somebody changes the subject, or nothing but the time it expires; returns the refusal, if any."""
        request = self.model.requests[request_id]
        subject = f"{request.subject}!" if words else request.subject
        now = self.now()
        with workspace_scope(self.workspace):
            payload = dict(ExecutionRequest.objects.get(pk=request_id).payload)
        try:
            edited = editing.edit_request(
                workspace=self.workspace,
                actor=self.actor(by),
                request_id=request_id,
                payload={**payload, "subject": subject},
                expires_at=UNSET if expires_in is None else _after(now, expires_in),
            )
        except CountersignError as error:
            return error
        request.digest, request.subject, request.mode = edited.digest, subject, self.model.mode
        request.text, request.document = payload["text"], document_of(edited)
        request.expires_at = edited.expires_at.timestamp() if edited.expires_at else None
        request.tampered = False
        request.authors.add(by)
        request.approvals.clear()
        request.undo_until = now.timestamp() + self.model.undo_seconds
        return None

    # Deciding.

    def approve(self, request_id: UUID, by: str = "rosa", *, stale: bool = False) -> CountersignError | None:
        """Somebody approves what they saw: the digest in force, or one that was in force once."""
        request = self.model.requests[request_id]
        status, digest, open_gates, since = self._on_screen(request_id)
        waits = status == Status.PENDING
        must = waits and not stale and not request.tampered and self.model.may_decide(by, request)
        digest = "0" * 64 if stale else digest
        try:
            decisions.approve(workspace=self.workspace, actor=self.actor(by), request_id=request_id, digest=digest)
        except CountersignError as refusal:
            if must:
                raise Broken("P5", f"{by} may approve and was refused: {refusal}") from refusal
            return refusal
        if waits and not must and not request.tampered:
            raise Broken("P5", f"{by} must not approve, and could")
        if waits:
            self._was_seen(by)
        if waits:
            for gate in open_gates:
                request.approvals[gate].setdefault(by, by in request.authors)
            request.undo_until = since + self.model.undo_seconds
        return None

    def approve_together(self, request_ids: Sequence[UUID]) -> None:
        """Everybody who may approves each, until it waits for nobody."""
        for request_id in request_ids:
            for name in DECIDERS:
                if self.status(request_id) == Status.PENDING:
                    self.approve(request_id, name)

    def reject(self, request_id: UUID, by: str = "rosa") -> CountersignError | None:
        """Somebody rejects it for good."""
        must = self.status(request_id) == Status.PENDING and self.model.may_decide(by, self.model.requests[request_id])
        try:
            decisions.reject(workspace=self.workspace, actor=self.actor(by), request_id=request_id, reason="No.")
        except CountersignError as refusal:
            voted = any(by in people for people in self.model.requests[request_id].approvals.values())
            tampered = self.model.requests[request_id].tampered
            if must and not tampered and not (isinstance(refusal, Conflict) and voted):
                raise Broken("P5", f"{by} may reject and was refused: {refusal}") from refusal
            return refusal
        return None

    def request_changes(self, request_id: UUID, by: str = "rosa") -> CountersignError | None:
        """Somebody sends it back to its author."""
        try:
            decisions.request_changes(
                workspace=self.workspace, actor=self.actor(by), request_id=request_id, reason="Shorter, please."
            )
        except CountersignError as refusal:
            return refusal
        return None

    def undo(self, request_id: UUID, by: str = "rosa") -> CountersignError | None:
        """Somebody takes an approval back."""
        try:
            lifecycle.undo(workspace=self.workspace, actor=self.actor(by), request_id=request_id)
        except CountersignError as refusal:
            return refusal
        return None

    # The rest of a request's life.

    def cancel(self, request_id: UUID, by: str = "ada") -> CountersignError | None:
        """Somebody withdraws it."""
        try:
            lifecycle.cancel(workspace=self.workspace, actor=self.actor(by), request_id=request_id)
        except CountersignError as refusal:
            return refusal
        return None

    def resolve(self, request_id: UUID, *, was_sent: bool, by: str = "rosa") -> CountersignError | None:
        """A person says what became of an uncertain one."""
        try:
            lifecycle.resolve(
                workspace=self.workspace,
                actor=self.actor(by),
                request_id=request_id,
                outcome="was_sent" if was_sent else "was_not_sent",
                reason="I asked them.",
            )
        except CountersignError as refusal:
            return refusal
        if not was_sent:
            self.model.requests[request_id].said_not_sent = len(self.promises.calls_of(request_id))
        return None

    def retry(self, request_id: UUID, by: str = "rosa") -> CountersignError | None:
        """A person sends a failed one round again."""
        try:
            lifecycle.retry(workspace=self.workspace, actor=self.actor(by), request_id=request_id, reason="Again.")
        except CountersignError as refusal:
            return refusal
        return None

    def run_now(self, request_id: UUID, by: str = "rosa", *, answer: Answer = Answer.OK) -> CountersignError | None:
        """A person has it carried out at once."""
        self.rig.answer, self.promises.by_hand = answer, True
        try:
            lifecycle.run_now(workspace=self.workspace, actor=self.actor(by), request_id=request_id)
        except CountersignError as refusal:
            return refusal
        return None

    # What the guards read.

    def hold(self, scope: str, by: str = "ada") -> None:
        """Somebody holds a scope."""
        hold(scope=scope, reason="Wait.", actor=self.actor(by), workspace=self.workspace)
        self.model.holds.add(scope)

    def release(self, scope: str, by: str = "omar") -> None:
        """Somebody releases it."""
        release(scope=scope, reason="Go.", actor=self.actor(by), workspace=self.workspace)
        self.model.holds.discard(scope)

    def restore(self) -> None:
        """The database turns out to be another than the one that was adopted, as a copy does."""
        Installation.objects.update(identity="0" * 64)
        connection.close()  # the next one asks
        stop_if_restored()
        self.model.restored = True

    def take_away_the_hold(self) -> None:
        """Somebody deletes the hold that the machine has set, by SQL."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM execution_hold WHERE scope = 'global'")

    def release_everything(self) -> None:
        """Let go of every hold that is in force, and of a restore."""
        if self.model.restored:
            resume_after_restore(actor=self.actor("omar"), reason="It is the one.")
            self.model.restored = False
        for scope in sorted(self.model.holds):
            self.release(scope)

    def all_is_well(self) -> None:
        """Undo whatever keeps requests from being approved and carried out, where anything does."""
        model = self.model
        self.release_everything()
        if model.policy != "one_gate":
            self.publish("one_gate")
        if model.mode != "live":
            self.set_mode("live")
        if not model.enabled:
            self.switch(enabled=True)
        if model.quorum["HR_LANG"] != 1:
            self.set_quorum("HR_LANG", 1)
        if model.limit[0] != 50:
            self.set_limit(50)
        if not model.active["rosa"]:
            self.set_active("rosa", True)
        self.look_in("rosa")
        if self.promises.account_stopped:
            self.resume_account()

    def suppress(self, name: str) -> None:
        """Alice or Bob asks not to be contacted."""
        contact: Contact = getattr(self, name)
        suppress(
            workspace=self.workspace,
            actor=self.actor("crm"),
            kind="email",
            address=contact.email,
            reason="opt_out",
            source="a letter",
        )
        self.model.suppressed.add(contact.email)

    def set_mode(self, mode: str) -> None:
        self._set("mode", mode)
        self.model.mode = mode

    def switch(self, *, enabled: bool) -> None:
        """Whether bell and poll carry out by themselves."""
        self._set("execution_enabled", enabled)
        self.model.enabled = enabled

    def set_undo(self, seconds: int) -> None:
        self._set("undo_seconds.email", seconds)
        self.model.undo_seconds = seconds

    def set_absence(self, hours: int) -> None:
        """What runs alone waits where nobody who may decide was seen for so long."""
        self._set("operator_absent_hours", hours)
        self.model.absent_hours = hours

    def look_in(self, name: str) -> None:
        """Somebody opens the console; who is switched off cannot."""
        if not self.model.active[name]:
            return
        record_seen(workspace_id=self.workspace.id, principal_id=self.actor(name).principal_id)
        self._was_seen(name)

    def _was_seen(self, name: str) -> None:
        now = self.now().timestamp()
        # As in the product: not written again within five minutes.
        if now - self.model.seen.get(name, 0.0) >= 300.0:
            self.model.seen[name] = now

    def went(self, request_id: UUID) -> None:
        """It was carried out by now."""
        if self.status(request_id) != Status.SUCCEEDED:
            raise Broken("P4", f"it was left lying: {self.status(request_id)}")

    def set_canary(self, above: int, minutes: int) -> None:
        """Plans of more than `above` begin with 5 % of them, watched for so many minutes."""
        self._set("canary_above", above)
        self._set("canary_minutes", minutes)
        self.model.canary = (above, minutes)

    def set_sole_operator(self, on: bool) -> None:
        self._set("sole_operator", on)
        self.model.sole_operator = on

    def _set(self, key: str, value: object) -> None:
        set_setting(key=key, value=value, workspace=self.workspace, actor=self.actor("omar"))

    def publish(self, policy: str) -> None:
        """Put other rules in force."""
        publish(workspace=self.workspace, actor=self.actor("omar"), rules=POLICIES[policy])
        self.model.policy = policy

    def set_quorum(self, gate: str, people: int) -> None:
        update_gate(workspace=self.workspace, actor=self.actor("omar"), name=gate, quorum=people)
        self.model.quorum[gate] = people

    def set_limit(self, count: int, seconds: int = 86_400) -> None:
        """At most `count` recipients of mail in any `seconds`."""
        set_limit(
            workspace=self.workspace,
            actor=self.actor("omar"),
            name="email_send",
            count=count,
            period_seconds=seconds,
        )
        self.model.limit = (count, float(seconds))

    def set_hours(self, opens: int, closes: int) -> None:
        """Mail may reach people from one full hour of their day to another."""
        set_window(
            workspace=self.workspace, actor=self.actor("omar"), channel="email", opens=time(opens), closes=time(closes)
        )
        self.model.hours = (opens, closes)

    def give_zone(self, name: str, zone: str) -> None:
        """Somebody writes down where Alice or Bob lives."""
        contact: Contact = getattr(self, name)
        update_contact(workspace=self.workspace, actor=self.actor("ada"), contact_id=contact.id, time_zone=zone)
        self.model.zones[contact.email] = zone

    def set_active(self, name: str, active: bool) -> None:
        """Switch a member off or on."""
        membership = Membership.objects.get(workspace=self.workspace, principal__name=name)
        change_member(membership=membership, actor=system_actor("tests", via="python"), is_active=active)
        self._actors.clear()
        self.model.active[name] = active

    def stop_account(self) -> None:
        stop_account(workspace=self.workspace, actor=self.actor("crm"), account_id=self.account.id, reason="A test.")

    def resume_account(self) -> None:
        resume_account(workspace=self.workspace, actor=self.actor("omar"), account_id=self.account.id)

    def move_account(self, host: str) -> None:
        """Somebody points the account at another host."""
        save_account(workspace=self.workspace, actor=self.actor("omar"), account_id=self.account.id, host=host)

    def warm_up(self, first_day: int) -> None:
        """The account is first used today, with so many places on its first day."""
        save_account(
            workspace=self.workspace,
            actor=self.actor("omar"),
            account_id=self.account.id,
            warm_up_started_on=self.now().date(),
            warm_up_first_day=first_day,
        )

    # Time, workers and the queue.

    def let_pass(self, seconds: float) -> None:
        self.rig.advance(seconds)

    def let_pass_until(self, hour: int, zone: str) -> None:
        """Let time pass until it is half past an hour of somebody's day."""
        wall = self.now().astimezone(ZoneInfo(zone))
        self.rig.advance(((hour * 60 + 30) - (wall.hour * 60 + wall.minute)) % 1440 * 60.0)

    def sweep(self) -> None:
        """The sweep of this workspace, as the keeper does it."""
        with all_workspaces("the sweep serves every workspace"):
            sweep._expire(self.workspace)

    def recover(self) -> None:
        recover_dead_workers()

    def worker(self, *, manual: bool = False, only: Sequence[UUID] | None = None) -> SteppedWorker:
        """A new worker, which stands before its first mark."""
        thread = self.rig.free_thread()
        assert thread is not None, "no thread is free for another worker"
        worker = SteppedWorker(thread=thread, workspace=self.workspace, manual=manual, only=only, guards=self.guards)
        self.promises.manual[worker] = manual
        self.workers.append(worker)
        return worker

    def step(self, worker: SteppedWorker, answer: Answer = Answer.OK) -> None:
        """One step of a worker, watched."""
        with self.promises.watching(worker):
            worker.go_on(answer)
        self._forget_finished()

    def kill(self, worker: SteppedWorker) -> None:
        """SIGKILL where it stands; others find out once its lease has run out."""
        worker.die()
        self._forget_finished()

    def run(self, worker: SteppedWorker, answer: Answer = Answer.OK) -> None:
        """All that is left for a worker to do, each step watched and every promise held against it."""
        for _ in range(200):
            if worker.is_over:
                return
            self.step(worker, answer)
            self.check()
        raise AssertionError("A worker does not come to an end.")

    def ring(self, answer: Answer = Answer.OK) -> DrainResult:
        """A bell is delivered: a whole drain at once."""
        self.rig.answer = answer
        return drain(manual=False, workspace=self.workspace, lanes=1)

    def come_to_rest(self) -> None:
        """Let everything under way end and nothing stand in its way: whatever is approved then goes, or says why not
        and until when (P4).
        """
        for worker in list(self.workers):
            worker.dies_at = ""
            self.run(worker)
        self.release_everything()
        self.resume_account()
        self.let_pass(LEASE + 1)
        self.recover()
        self.check()
        for _ in range(10):
            self.let_pass(100_000)
            if not self.ring().claimed:
                break
            self.check()
        self.check()
        self.promises.check_audit()
        now = self.now()
        with workspace_scope(self.workspace):
            rows = ExecutionRequest.objects.filter(status__in=[Status.APPROVED, Status.DISPATCHING, Status.PROPOSED])
            for row in rows:
                if row.status != Status.APPROVED or not row.wait_reason or row.due_at is None or row.due_at <= now:
                    raise Broken("P4", f"{row} is {row.status} and waits for nothing ({row.wait_reason})")

    def work(self, *, only_the_last: bool = False) -> None:
        """A new worker from its first step to its last."""
        self.run(self.worker(only=[self.last] if only_the_last and self.last else None))

    def foretell(self, request_id: UUID, *, manual: bool = True) -> None:
        """Ask whether it would go now, then have it carried out: the answer has to come true."""
        with workspace_scope(self.workspace):
            row = ExecutionRequest.objects.select_related("workspace").get(pk=request_id)
        told = preflight(request=row, manual=manual, guards=self.guards)
        self.run(self.worker(manual=manual, only=[request_id] if manual else None))
        went = self.status(request_id) == Status.SUCCEEDED
        if went != told.would_send:
            why = [check.detail for check in told.checks if not check.ok]
            raise Broken("preflight", f"it said {told.would_send} ({why}), and {went} came true")

    def leave(self) -> None:
        """End whatever is still under way, so that the next world finds the threads free."""
        for worker in self.workers:
            if not worker.is_over:
                worker.die()
        self._forget_finished()

    def _forget_finished(self) -> None:
        self.workers = [worker for worker in self.workers if not worker.is_over]

    # Behind Countersign's back.

    def tamper(self, request_id: UUID, column: str, value: Any) -> None:
        """Somebody changes a column of a request by SQL."""
        self.model.requests[request_id].tampered = True
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(column)
            cursor.execute(
                f"UPDATE execution_executionrequest SET {name} = %s WHERE id = %s",  # noqa: S608
                [value, request_id],
            )

    def tamper_with_words(self, request_id: UUID) -> None:
        """Somebody changes the frozen text by SQL."""
        self.model.requests[request_id].tampered = True
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE execution_revision SET document = replace(document, 'Dear reader', 'Dear fool') "
                "WHERE id = (SELECT current_id FROM execution_executionrequest WHERE id = %s)",
                [request_id],
            )

    def tamper_with_bytes(self, request_id: UUID) -> None:
        """Somebody changes the frozen mail by SQL. A rehearsal without an account has none."""
        with workspace_scope(self.workspace):
            parts = ExecutionRequest.objects.get(pk=request_id).document["wire"]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE execution_part SET content = content || 'PS' WHERE workspace_id = %s AND sha256 = ANY(%s)",
                [self.workspace.id, parts],
            )
            if cursor.rowcount:
                self.model.requests[request_id].tampered = True

    # Reading.

    def status(self, request_id: UUID) -> Status:
        with workspace_scope(self.workspace):
            return Status(ExecutionRequest.objects.values_list("status", flat=True).get(pk=request_id))

    def pending(self) -> list[UUID]:
        """What waits for a decision, oldest first."""
        with workspace_scope(self.workspace):
            waiting = ExecutionRequest.objects.filter(status=Status.PENDING)
            return list(waiting.order_by("created_at", "id").values_list("id", flat=True))

    def _on_screen(self, request_id: UUID) -> tuple[Status, str, list[str], float]:
        """What a person sees before deciding: status, digest and open gates, and when that was (seconds)."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT status, digest, ARRAY(SELECT name FROM execution_requestgate WHERE request_id = asked.id "
                "AND state = 'open'), extract(epoch FROM clock_timestamp())::float8 "
                "FROM execution_executionrequest AS asked WHERE id = %s",
                [request_id],
            )
            status, digest, gates, now = cursor.fetchone()
        return Status(status), digest, gates, now


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now.astimezone(UTC) + timedelta(seconds=seconds)
