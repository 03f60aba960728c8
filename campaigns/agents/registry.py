"""Every agent there is: its slug and where it lives. Imported when it is first asked for."""

from functools import cache
from importlib import import_module

from campaigns.agents.base import Agent
from workspaces.errors import InvalidInput

AGENTS: dict[str, str] = {
    "outreach": "campaigns.agents.outreach.Outreach",
}


@cache
def _load(slug: str) -> type[Agent]:
    module, _, name = AGENTS[slug].rpartition(".")
    found: type[Agent] = getattr(import_module(module), name)
    return found


def all_agents() -> list[type[Agent]]:
    """Every agent, in the table's order."""
    return [_load(slug) for slug in AGENTS]


def problems() -> list[str]:
    """What is wrong with the table, one sentence each; empty where every path leads to an agent."""
    found = []
    for slug, path in AGENTS.items():
        try:
            agent = _load(slug)
        except (ImportError, AttributeError) as error:
            found.append(f"The agent {slug} cannot be loaded from {path}: {error}.")
            continue
        if agent.slug != slug:
            found.append(f"The agent at {path} calls itself {agent.slug}, but is registered as {slug}.")
    return found


def get_agent(slug: str) -> Agent:
    """The agent with this slug. Raises InvalidInput for the field `agent`, listing those there are."""
    if slug not in AGENTS:
        known = ", ".join(AGENTS)
        raise InvalidInput(f"There is no agent “{slug[:60]}”. Agents: {known}.", fields={"agent": f"One of: {known}."})
    return _load(slug)()


def slug_of(name: str) -> str:
    """The slug that `name` stands for: a slug, an agent's label, or a handler, which means its first agent.

    Raises InvalidInput for the field `assigned_agent`.
    """
    wanted = name.strip().lower()
    if wanted in AGENTS:
        return wanted
    for agent in all_agents():
        if wanted in (agent.label.lower(), agent.handler.value):
            return agent.slug
    known = ", ".join(AGENTS)
    raise InvalidInput(
        f"There is no agent “{name[:60]}”. Agents: {known}.", fields={"assigned_agent": f"One of: {known}."}
    )
