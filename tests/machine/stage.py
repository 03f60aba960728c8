"""A workspace of its own in the rig's database, with its people, contacts and account, and what can be read of it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from uuid import UUID

from django.db import connection

from execution.engine.guards import GUARDS, Guard
from execution.models import ExecutionRequest
from execution.services.accounts import save_account
from execution.services.policies import publish
from execution.states import Status
from tests.builders import make_consent, make_contact, make_member, make_workspace
from tests.machine.model import PEOPLE, POLICIES, Model
from tests.machine.promises import Broken, Promises
from tests.machine.recorder import Answer
from tests.machine.rig import Rig
from tests.machine.workers import SteppedWorker
from workspaces.actors import Actor, agent_actor, resolve_actor, service_actor
from workspaces.models import Role
from workspaces.scope import workspace_scope

ROLES = {"omar": Role.OWNER, "rosa": Role.APPROVER, "sam": Role.APPROVER, "ada": Role.AUTHOR, "vic": Role.VIEWER}
numbers = count(1)


class Stage:
    """What every act needs. `guards`: those that its workers ask; a test takes one out."""

    def __init__(self, rig: Rig, *, guards: Sequence[Guard] = GUARDS) -> None:
        self.rig, self.guards, self.model = rig, guards, Model()
        self._actors: dict[str, Actor] = {}
        self.workspace = make_workspace(f"run{next(numbers)}")
        for name in PEOPLE:
            make_member(self.workspace, name, role=ROLES[name])
        self.alice = make_contact(self.workspace, name="Alice", email="alice@example.org")
        self.bob = make_contact(self.workspace, name="Bob", email="bob@example.org")
        make_consent(self.workspace, self.alice)
        publish(workspace=self.workspace, actor=self.actor("omar"), rules=POLICIES[self.model.policy])
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

    def was_seen(self, name: str) -> None:
        """Somebody gave a sign of life."""
        now = self.now().timestamp()
        # As in the product: not written again within five minutes.
        if now - self.model.seen.get(name, 0.0) >= 300.0:
            self.model.seen[name] = now

    def status(self, request_id: UUID) -> Status:
        with workspace_scope(self.workspace):
            return Status(ExecutionRequest.objects.values_list("status", flat=True).get(pk=request_id))

    def pending(self) -> list[UUID]:
        """What waits for a decision, oldest first."""
        with workspace_scope(self.workspace):
            waiting = ExecutionRequest.objects.filter(status=Status.PENDING)
            return list(waiting.order_by("created_at", "id").values_list("id", flat=True))

    def on_screen(self, request_id: UUID) -> tuple[Status, str, list[str], float]:
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

    def went(self, request_id: UUID) -> None:
        """It was carried out by now."""
        if self.status(request_id) != Status.SUCCEEDED:
            raise Broken("P4", f"it was left lying: {self.status(request_id)}")

    def all_went(self) -> None:
        """The whole plan was carried out by now."""
        left = [self.status(request_id) for request_id in self.planned if self.status(request_id) != Status.SUCCEEDED]
        if left:
            raise Broken("P4", f"{len(left)} of the plan were left lying: {left}")
