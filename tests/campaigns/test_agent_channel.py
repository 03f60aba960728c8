"""An agent's run as an outward act: it waits at a gate, and performing it starts the run, once."""

from uuid import UUID

import pytest

from campaigns.agent_channel import AgentProvider
from campaigns.models import AgentRun
from execution import propose
from execution.models import ExecutionRequest
from execution.providers.base import AccountConfig, Act
from execution.providers.errors import Permanent
from tests.builders import Cast
from tests.campaigns.world import PROSPECTS
from workspaces.errors import InvalidInput

INPUTS = {"goal": "Win clean energy.", "prospects": PROSPECTS}


def proposed(cast: Cast) -> ExecutionRequest:
    payload = {"agent": "outreach", "inputs": INPUTS}
    return propose(workspace=cast.workspace, actor=cast.crm, channel="agent", payload=payload)


def act_for(request: ExecutionRequest) -> Act:
    return Act(request_id=str(request.pk), attempt_id="a", channel="agent", to=[], payload=request.payload)


def test_it_waits_for_a_person_at_the_gate_of_operations(cast: Cast):
    request = proposed(cast)
    with cast.scope():
        assert request.status == "pending"
        assert list(request.gates.values_list("name", flat=True)) == ["HR_OPS"]
        assert request.document["sender"]["provider"] == "agent"


@pytest.mark.parametrize(
    "payload", [{"agent": "nobody"}, {"agent": "outreach", "inputs": {"goal": ""}}, {"agent": "outreach", "to": "x"}]
)
def test_it_refuses_what_no_agent_can_do(cast: Cast, payload: dict[str, object]):
    with pytest.raises(InvalidInput):
        propose(workspace=cast.workspace, actor=cast.crm, channel="agent", payload=payload)


def test_performing_it_starts_one_run_however_often_it_is_called(cast: Cast):
    request = proposed(cast)
    with AgentProvider().connect(AccountConfig(provider="agent")) as connection:
        with cast.scope():
            act = act_for(request)
        assert connection.lookup(act) is None
        first = connection.perform(act)
        again = connection.perform(act)
        found = connection.lookup(act)
    assert first.provider_message_id == again.provider_message_id
    assert found is not None and found == first
    with cast.scope():
        run = AgentRun.objects.get()
        assert (str(run.pk), run.status, run.request_id) == (first.provider_message_id, "queued", request.pk)


def test_an_agent_that_is_gone_is_a_definite_failure(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    request = proposed(cast)
    monkeypatch.delitem(__import__("campaigns.agents.registry", fromlist=["AGENTS"]).AGENTS, "outreach")
    with cast.scope():
        act = act_for(request)
    with pytest.raises(Permanent), AgentProvider().connect(AccountConfig(provider="agent")) as connection:
        connection.perform(act)
    with cast.scope():
        assert not AgentRun.objects.filter(request_id=UUID(act.request_id)).exists()
