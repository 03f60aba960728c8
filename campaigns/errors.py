"""What this app refuses or cannot do, beyond workspaces.errors."""

from workspaces.errors import CountersignError, Unavailable


class AgentFailed(CountersignError):
    """An agent could not do its work: nobody to write to, or an answer that cannot be used."""

    code = "agent_failed"
    status = 422
    title = "The agent could not do this"


class ModelFailed(Unavailable):
    """The language model did not give a usable answer. `reason`: unreachable, refused, cut_off or unusable."""

    code = "model_failed"
    title = "The language model gave no usable answer"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail, reason=reason)
        self.reason = reason


class BudgetSpent(ModelFailed):
    """The workspace's budget for language models is used up for today."""

    code = "budget_spent"
    title = "The model budget is used up"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, reason="budget")


class Held(Unavailable):
    """A hold covers this agent, its campaign, the workspace or everything."""

    code = "held"
    title = "On hold"
