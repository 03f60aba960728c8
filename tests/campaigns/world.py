"""What the tests of campaigns start from: prospects, runs and tasks, made by the shipped services."""

from typing import Any

from campaigns.models import AgentRun, Task
from campaigns.services.agent_runs import create_run, perform_run
from campaigns.services.tasks import create_task
from tests.builders import Cast

PROSPECTS: list[dict[str, str]] = [
    {"name": "Office of Maren Hale", "kind": "office", "email": "hale@senate.example", "committees": "Energy"},
    {"name": "Prairie Alliance", "kind": "alliance", "email": "hi@prairie.example", "issues": "clean energy"},
]
GOAL = "Win support for clean energy."


def make_run(cast: Cast, **inputs: Any) -> AgentRun:
    """A run of the outreach agent that nobody performed yet, started by Ada."""
    values = {"goal": GOAL, **inputs}
    if not {"prospects", "prospect_list", "query"} & set(values):
        values["prospects"] = PROSPECTS
    return create_run(workspace=cast.workspace, actor=cast.ada, agent="outreach", inputs=values)


def run_outreach(cast: Cast, **inputs: Any) -> AgentRun:
    """A run of the outreach agent, performed."""
    return perform_run(workspace=cast.workspace, run_id=make_run(cast, **inputs).pk)


def make_task(cast: Cast, **fields: Any) -> Task:
    """A task for the outreach agent that needs no approval, made by Ada."""
    values: dict[str, Any] = {
        "title": "Write to the energy people",
        "assigned_agent": "outreach",
        "requires_approval": False,
        "metadata": {"goal": GOAL, "prospects": PROSPECTS},
        **fields,
    }
    return create_task(workspace=cast.workspace, actor=values.pop("actor", cast.ada), **values)
