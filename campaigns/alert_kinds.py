"""The kinds of alerts that this app raises, each with how it is seen that its cause is gone."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from campaigns.llm import spent_today
from campaigns.models import Task
from campaigns.pricing import MILLION
from campaigns.states import TaskStatus
from execution.alerts.kinds import Kind, register
from execution.models import Severity
from workspaces.models import Workspace
from workspaces.scope import workspace_scope


def _task_settled(alerts: QuerySet[Any]) -> QuerySet[Any]:
    """The task that the fingerprint names is escalated no more."""
    named = {pk: name.partition(":")[2] for pk, name in alerts.values_list("pk", "fingerprint")}
    still = Task.objects.filter(pk__in=set(named.values()), status=TaskStatus.ESCALATED)
    open_ones = {str(pk) for pk in still.values_list("pk", flat=True)}
    return alerts.filter(pk__in=[pk for pk, task in named.items() if task not in open_ones])


def _money_again(alerts: QuerySet[Any]) -> QuerySet[Any]:
    well = []
    for workspace in Workspace.objects.filter(pk__in=set(alerts.values_list("workspace_id", flat=True))):
        with workspace_scope(workspace):
            if spent_today(workspace=workspace) < settings.LLM_DAILY_BUDGET * MILLION:
                well.append(workspace.pk)
    return alerts.filter(workspace_id__in=well)


register(
    [
        Kind(
            name="task_failed",
            severity=Severity.CRITICAL,
            meaning="An agent failed at a task as often as it may. Read why, then set the task to new, or give it up.",
            ends="A person takes the task up or closes it.",
            over=_task_settled,
        ),
        Kind(
            name="llm_budget",
            severity=Severity.WARNING,
            meaning="The budget for language models is used up; drafts wait. Wait, or raise LLM_DAILY_BUDGET.",
            ends="Less than the budget was spent in the last 24 hours.",
            over=_money_again,
        ),
    ]
)
