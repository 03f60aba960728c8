"""What people and agents do with requests: each act calls the shipped service, and tells the model what was done."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from contacts.models import Contact
from execution import propose, propose_plan
from execution.models import ExecutionRequest
from execution.services import decisions, editing, lifecycle
from execution.states import Status
from execution.types import UNSET, Proposal
from tests.machine.model import DECIDERS, Expected, FirstOfPlan
from tests.machine.promises import Broken, document_of
from tests.machine.recorder import Answer
from tests.machine.stage import Stage, numbers
from workspaces.errors import Conflict, CountersignError
from workspaces.scope import workspace_scope


class People(Stage):
    """Proposing, deciding, and the rest of a request's life."""

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
        subject = f"A hearing, number {next(numbers)}"
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
        payloads = [{"subject": f"A hearing, number {next(numbers)}", "text": "Dear reader,"} for _ in range(count)]
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
        if request.text_tampered:  # there was nothing to put the recipient back from: they see whom it names now
            request.recipients = (edited.document["to"], *edited.document["payload"].get("cc", ()))
        request.tampered = request.text_tampered = False
        request.authors.add(by)
        request.approvals.clear()
        request.undo_until = now.timestamp() + self.model.undo_seconds
        return None

    # Deciding.

    def approve(self, request_id: UUID, by: str = "rosa", *, stale: bool = False) -> CountersignError | None:
        """Somebody approves what they saw: the digest in force, or one that was in force once."""
        request = self.model.requests[request_id]
        status, digest, open_gates, since = self.on_screen(request_id)
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
            self.was_seen(by)
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


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now.astimezone(UTC) + timedelta(seconds=seconds)
