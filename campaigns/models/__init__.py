"""One file a concept; outsiders import from here."""

from campaigns.models.campaign import Campaign, ProspectList
from campaigns.models.llm_call import LlmCall
from campaigns.models.run import AgentRun, Draft
from campaigns.models.task import Task, TaskMessage, TaskPriority

__all__ = [
    "AgentRun",
    "Campaign",
    "Draft",
    "LlmCall",
    "ProspectList",
    "Task",
    "TaskMessage",
    "TaskPriority",
]
