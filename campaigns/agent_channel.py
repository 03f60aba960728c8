"""The channel `agent`: running an agent as an outward act that has to be approved like any other."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from campaigns.agents.registry import get_agent
from campaigns.models import AgentRun
from campaigns.services.agent_runs import PERFORM, create_run
from execution import queue
from execution.channels.base import ChannelSpec, Payload
from execution.models import ExecutionRequest
from execution.providers.base import AccountConfig, Act, Connection, Provider, Receipt
from execution.providers.errors import Permanent
from workspaces.actors import system_actor
from workspaces.errors import CountersignError, InvalidInput
from workspaces.scope import all_workspaces

_REASON = "an act is performed by its id; its request says which workspace"


class AgentPayload(Payload):
    """Which agent, and what it is told."""

    agent: Annotated[str, Field(min_length=1, max_length=60)]
    inputs: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _inputs_fit(self) -> Self:
        try:
            get_agent(self.agent).inputs.read(self.inputs)
        except InvalidInput as error:
            raise ValueError(error.detail) from error
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Run the agent {payload['agent']}"


class AgentProvider(Provider):
    """Performs the channel: puts the run on record, under the act's id, and rings for a worker.

    What the agent proposes then passes its own gates. An act has one run, so a repeated call starts nothing more.
    """

    name: ClassVar[str] = "agent"
    label: ClassVar[str] = "this installation"
    channels: ClassVar[frozenset[str]] = frozenset({"agent"})
    key_window: ClassVar[timedelta | None] = timedelta(days=3650)
    can_lookup: ClassVar[bool] = True

    def connect(self, account: AccountConfig) -> Connection:
        return _AgentConnection(provider=self, account=account)


class _AgentConnection(Connection):
    def send(self, act: Act) -> Receipt:
        content = act.content()
        with all_workspaces(_REASON):
            request = ExecutionRequest.objects.select_related("workspace").get(pk=act.request_id)
        try:
            run = create_run(
                workspace=request.workspace,
                actor=system_actor("engine"),
                agent=content["agent"],
                inputs=content.get("inputs", {}),
                request_id=request.pk,
            )
        except CountersignError as error:
            raise Permanent(error.detail) from error
        queue.enqueue(PERFORM, str(request.workspace_id), str(run.pk))
        return _receipt(run)

    def find(self, act: Act) -> Receipt | None:
        with all_workspaces(_REASON):
            run: AgentRun | None = AgentRun.objects.filter(request_id=act.request_id).first()
        return _receipt(run) if run else None


def _receipt(run: AgentRun) -> Receipt:
    return Receipt(provider_message_id=str(run.pk), response="The agent was started.")


AGENT = ChannelSpec(
    name="agent",
    label="an agent's run",
    schema=AgentPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_OPS",
    chunk_size=1,
    summary=_summary,
    provider="agent",
)
