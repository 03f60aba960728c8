"""The promises, each checked from outside: by the account of moves, by what the service was asked, by the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

from django.db import connection

from execution.models import AccountState, Attempt, ExecutionRequest, ProviderAccount
from execution.states import Status
from tests.machine.ledger import Ledger, Move
from tests.machine.model import DECIDERS, Expected, Model
from tests.machine.recorder import DEFINITE_FAILURES, Call
from tests.machine.rig import Rig
from tests.machine.workers import SteppedWorker
from workspaces.audit.verify import verify
from workspaces.canonical import sha256_hex
from workspaces.models import Principal, Workspace
from workspaces.scope import workspace_scope


class Broken(AssertionError):
    """A promise of DESIGN 4 does not hold."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


def document_of(request: ExecutionRequest) -> dict[str, Any]:
    """What a request's digest stands for. Inside the scope, or with its revision loaded."""
    assert request.current is not None
    if sha256_hex(request.current.document.encode()) != request.digest:
        raise Broken("P1", "a digest does not stand for the document it came with")
    return request.current.as_dict()


class Promises:
    """Watches one workspace of the rig."""

    def __init__(self, *, rig: Rig, workspace: Workspace, model: Model, account: ProviderAccount) -> None:
        self.rig, self.workspace, self.model, self.account = rig, workspace, model, account
        self.ledger = Ledger(workspace_id=workspace.id)
        # Whether a worker was started by a person, so that it acts although the switch is off.
        self.manual: dict[SteppedWorker, bool] = {}
        self.by_hand = False  # until the next check
        self.account_stopped = False
        self._checks = 0
        self.first_call = len(rig.service.calls)

    def calls_of(self, request_id: UUID) -> list[Call]:
        """The calls for one request, in order."""
        return [call for call in self.rig.service.calls[self.first_call :] if call.act.request_id == str(request_id)]

    @contextmanager
    def watching(self, worker: SteppedWorker) -> Iterator[None]:
        """Around one step of a worker: what it marks and calls in it is what these promises are about."""
        self.by_hand = self.manual[worker]
        before, decrypted = worker.place, len(self.rig.decrypted)
        yield
        if worker.place == "calling" and before != "calling":
            self.check_call(self.rig.service.calls[-1])
        elif len(self.rig.decrypted) != decrypted and not self._a_real_one_is_under_way():
            raise Broken("P7", "a credential was decrypted in a dry run")

    def _a_real_one_is_under_way(self) -> bool:
        with workspace_scope(self.workspace):
            under_way = ExecutionRequest.objects.filter(status=Status.DISPATCHING)
            return under_way.exclude(mode="dry_run").exists()

    def check(self) -> None:
        """Everything that can be told without knowing who acted."""
        moves, problems, anything_new = self.ledger.read()
        if problems:
            raise Broken("P11", "; ".join(problems))
        for move in moves:
            self._learn(move)
            if move.now == Status.DISPATCHING:
                self._check_mark(move)
                self._check_first_of_plan(move)
            if move.now == Status.SUCCEEDED:
                for plan in self.model.first_of_plans:
                    if move.request in plan.marked and len(plan.ended) < plan.size:
                        plan.ended[move.request] = move.at
            if move.now == Status.APPROVED:
                self._check_approval(move)
        self.by_hand = False
        if self.rig.faults:
            raise Broken("P3", "; ".join(self.rig.faults))
        if not anything_new:
            return
        self._checks += 1
        if self._checks % 10 == 0:
            self.check_audit()
        with workspace_scope(self.workspace):
            unowned = ExecutionRequest.objects.filter(status=Status.APPROVED, due_at=None)
            if unowned.exists():
                raise Broken("P4", "an approved request will never be looked at again")
            self.account_stopped = ProviderAccount.objects.get(pk=self.account.pk).state == AccountState.STOPPED

    def check_audit(self) -> None:
        """The whole chain of the workspace; a break stays, so that it need not be looked for at each step."""
        bad = verify(workspace_id=self.workspace.id).bad
        if bad:
            raise Broken("P11", str(bad))

    def _learn(self, move: Move) -> None:
        """What people will see from now on, where the engine itself changed a request."""
        if move.entry is None or move.request not in self.model.requests:
            return
        request = self.model.requests[move.request]
        match move.entry.action:
            case "request.drifted":
                self._read_again(request)
            case "request.undone":
                request.approvals.clear()
            case "request.gate_reopened":
                with workspace_scope(self.workspace):
                    row = ExecutionRequest.objects.get(pk=request.id)
                    for gate in row.gates.filter(state="open").values_list("name", flat=True):
                        request.approvals.pop(gate, None)

    def _read_again(self, request: Expected) -> None:
        with workspace_scope(self.workspace):
            row = ExecutionRequest.objects.select_related("current").get(pk=request.id)
            document = row.document
        request.digest, request.document, request.mode = row.digest, document_of(row), document["mode"]
        request.tampered = request.text_tampered = False
        request.subject, request.text = document["payload"]["subject"], document["payload"]["text"]
        request.recipients = (document["to"], *document["payload"].get("cc", ()))
        request.scheduled_for = row.scheduled_for.timestamp() if row.scheduled_for else None
        request.expires_at = row.expires_at.timestamp() if row.expires_at else None
        request.approvals.clear()

    def _check_approval(self, move: Move) -> None:
        """P14: only the policy lets something run alone; everything else takes a person."""
        assert move.entry is not None
        request = self.model.requests[move.request]
        match move.entry.action:
            case "request.ran_alone":
                if self.model.gates_for(request) != frozenset():
                    raise Broken("P14", f"{request.subject} ran alone where a person has to decide")
            case "request.approved" | "request.resolved" | "request.retried":
                who = Principal.objects.get(pk=move.entry.actor_id)
                if who.kind != "person" or who.name not in DECIDERS:
                    raise Broken("P14", f"{who.label} moved {request.subject} to approved")

    def _check_mark(self, move: Move) -> None:
        """What has to hold when a request is marked `dispatching`."""
        request, model = self.model.requests[move.request], self.model
        with workspace_scope(self.workspace):
            row = ExecutionRequest.objects.get(pk=request.id)
        if request.tampered or row.digest != request.digest:
            raise Broken("P1", f"{request.subject} was marked although it is not what was approved")
        if model.restored:
            raise Broken("P16", f"{request.subject} was marked in a copy that nobody resumed")
        lack = model.lacks(request)
        if lack:
            raise Broken("P1", f"{request.subject} was marked although {lack}")
        if request.scheduled_for and move.at < request.scheduled_for:
            raise Broken("P1", f"{request.subject} was marked before its time")
        waited = row.overdue_from.timestamp() if row.overdue_from else 0.0
        if move.at - max(request.scheduled_for or 0.0, request.undo_until, waited) > 86_401:
            raise Broken("stale", f"{request.subject} was marked more than a day after it was due")
        if request.expires_at and move.at >= request.expires_at:
            raise Broken("P1", f"{request.subject} was marked after its time")
        if move.at < request.undo_until:
            raise Broken("undo", f"{request.subject} was marked while its approval could be taken back")
        if request.mode != model.mode:
            raise Broken("P7", f"{request.subject} was approved for {request.mode}, and marked under {model.mode}")
        if model.suppressed & set(request.recipients):
            raise Broken("P10", f"{request.subject} was marked although a recipient is suppressed")
        for scope in model.holds:
            if self._covers(scope):
                raise Broken("P6", f"{request.subject} was marked under the hold {scope}")
        if request.mode != "dry_run" and self.account_stopped:
            raise Broken("account", f"{request.subject} was marked for an account that is stopped")
        if not self.by_hand and not model.enabled:
            raise Broken("switch", f"{request.subject} was marked although carrying out is switched off")
        if not any(request.approvals.values()) and model.is_unattended(at=move.at):
            raise Broken("operator", f"{request.subject} ran alone while nobody who may decide was about")
        if request.mode != "dry_run":
            self._check_hour(request=request, at=move.at)
            self._take_places(request=request, at=move.at)

    def _check_first_of_plan(self, move: Move) -> None:
        """No more of a plan goes than its slice, until that ended well and was watched."""
        for plan in self.model.first_of_plans:
            if move.request not in plan.members or self.model.requests[move.request].mode == "dry_run":
                continue
            if not plan.goes(move.request, at=move.at):
                subject = self.model.requests[move.request].subject
                raise Broken("canary", f"{subject} was marked before what went first of its plan was watched")
            plan.marked.add(move.request)

    def _check_hour(self, *, request: Expected, at: float) -> None:
        """P9, by PostgreSQL's own table of time zones."""
        opens, closes = self.model.hours
        zone = self.model.zones.get(request.recipients[0])
        if (opens, closes) == (0, 24):
            return
        if zone is None:
            raise Broken("P9", f"{request.subject} was marked although nobody knows the recipient's hour")
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(hour FROM to_timestamp(%s) AT TIME ZONE %s)", [at, zone])
            hour = int(cursor.fetchone()[0])
        if not opens <= hour < closes:
            raise Broken("P9", f"{request.subject} was marked at {hour} o'clock in {zone}")

    def _take_places(self, *, request: Expected, at: float) -> None:
        """P8: no window of the limit holds more than it may, counted by hand."""
        most, period = self.model.limit
        self.model.places += [at] * len(request.recipients)
        inside = [place for place in self.model.places if place > at - period]
        if len(inside) > most:
            raise Broken("P8", f"{len(inside)} places were taken within {period:.0f} s, and {most} are allowed")

    def _covers(self, scope: str) -> bool:
        return scope in (
            "global",
            "channel:email",
            f"workspace:{self.workspace.slug}",
            f"account:{self.account.id}",
        )

    def check_call(self, call: Call) -> None:
        """What has to hold when the service is called; the worker asked itself the moment before."""
        request = self.model.requests[UUID(call.act.request_id)]
        earlier = self.calls_of(request.id)[request.said_not_sent : -1]
        for one in earlier:
            if one.answer not in DEFINITE_FAILURES:
                raise Broken("P2", f"{request.subject} was called again after a call that ended {one.answer}")
        for scope in self.model.holds:
            if self._covers(scope):
                raise Broken("P6", f"{request.subject} was called under the hold {scope}")
        with workspace_scope(self.workspace):
            attempt = Attempt.objects.filter(pk=call.act.attempt_id, request_id=request.id).first()
        if attempt is None:
            raise Broken("P3", f"{request.subject} was called without a committed mark")
        if request.mode == "dry_run":
            raise Broken("P7", f"{request.subject} was called in a dry run")
        if call.drafted != (request.mode == "draft_only"):
            raise Broken("P7", f"{request.subject} was called in the wrong way for {request.mode}")
        self._check_content(call=call, request=request)

    def _check_content(self, *, call: Call, request: Expected) -> None:
        document, act = request.document, call.act
        wire = list(act.wire or ())
        if [sha256_hex(part) for part in wire] != document["wire"] or act.content() != document["payload"]:
            raise Broken("P1", f"{request.subject} was called with other bytes than were approved")
        message = message_from_bytes(b"".join(wire), policy=policy.default)
        body = message.get_body(("plain",))
        if message["Subject"] != request.subject or body is None or request.text not in body.get_content():
            raise Broken("P1", f"{request.subject} was called with other words than were approved")
        if tuple(act.to) != request.recipients:
            raise Broken("P1", f"{request.subject} was called for {act.to}")
        sealed = document["sender"]
        if (call.account.id, call.account.host) != (sealed["account"], sealed["host"]):
            raise Broken("P1", f"{request.subject} was called through another account")
