"""Reads of many rows."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, QuerySet

from campaigns.models import AgentRun, Campaign, Draft, Task, TaskMessage
from execution.models import ExecutionRequest
from workspaces.errors import NotFound
from workspaces.models import Workspace


def campaigns(*, workspace: Workspace, q: str = "", status: str = "") -> QuerySet[Campaign]:
    """Campaigns, newest first. Inside the scope."""
    rows: QuerySet[Campaign] = Campaign.objects.filter(workspace=workspace).select_related("created_by").order_by("-id")
    if q:
        rows = rows.filter(name__icontains=q)
    return rows.filter(status=status) if status else rows


def campaign_named(*, workspace: Workspace, campaign_id: UUID | str) -> Campaign:
    """One campaign. Raises NotFound. Inside the scope."""
    found = campaigns(workspace=workspace).filter(pk=campaign_id).first()
    if found is None:
        raise NotFound("There is no such campaign in this workspace.")
    return found


def campaign_counts(*, campaign_ids: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    """For each campaign how many of its requests are in which state, in one query. Inside the scope."""
    counts: dict[UUID, dict[str, int]] = {}
    rows = ExecutionRequest.objects.filter(campaign_id__in=list(campaign_ids)).order_by()
    for campaign_id, status, count in rows.values_list("campaign_id", "status").annotate(Count("id")):
        counts.setdefault(campaign_id, {})[status] = count
    return counts


def tasks(*, workspace: Workspace, q: str = "", status: str = "", agent: str = "") -> QuerySet[Task]:
    """Tasks, newest first. Inside the scope."""
    rows: QuerySet[Task] = Task.objects.filter(workspace=workspace)
    rows = rows.select_related("approved_by", "rejected_by", "created_by", "campaign").order_by("-id")
    if q:
        rows = rows.filter(title__icontains=q)
    if status:
        rows = rows.filter(status=status)
    return rows.filter(assigned_agent=agent) if agent else rows


def task_named(*, workspace: Workspace, task_id: UUID | str) -> Task:
    """One task. Raises NotFound. Inside the scope."""
    found = tasks(workspace=workspace).filter(pk=task_id).first()
    if found is None:
        raise NotFound("There is no such task in this workspace.")
    return found


def messages_of(*, task: Task) -> QuerySet[TaskMessage]:
    """A task's log, oldest first. Inside the scope."""
    rows: QuerySet[TaskMessage] = TaskMessage.objects.filter(task=task).select_related("by").order_by("id")
    return rows


def runs(*, workspace: Workspace, campaign_id: UUID | None = None) -> QuerySet[AgentRun]:
    """Runs of agents, newest first. Inside the scope."""
    rows: QuerySet[AgentRun] = AgentRun.objects.filter(workspace=workspace).select_related("campaign", "started_by")
    rows = rows.order_by("-id")
    return rows.filter(campaign_id=campaign_id) if campaign_id else rows


def drafts(*, workspace: Workspace, run_id: UUID | None = None) -> QuerySet[Draft]:
    """What agents wrote, newest first. Inside the scope."""
    rows: QuerySet[Draft] = Draft.objects.filter(workspace=workspace).select_related("contact", "run").order_by("-id")
    return rows.filter(run_id=run_id) if run_id else rows


def drafts_of_requests(*, request_ids: Iterable[UUID]) -> dict[UUID, Draft]:
    """The draft behind each request, where an agent wrote it. Inside the scope."""
    found = Draft.objects.filter(request_id__in=list(request_ids)).select_related("run")
    return {draft.request_id: draft for draft in found if draft.request_id}
