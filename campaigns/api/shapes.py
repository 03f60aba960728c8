"""How campaigns, tasks, runs and drafts look in answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from campaigns.models import AgentRun, Campaign, Draft, ProspectList, Task, TaskPriority
from campaigns.states import CampaignStatus, DraftStatus, RunStatus, TaskStatus
from workspaces.api.shapes import AnyObject, Anything, PrincipalLabel, Shape

PRIORITIES = [priority.label for priority in TaskPriority]
APPROVALS = ["not_required", "pending", "approved", "rejected"]


class TaskShape(Shape):
    """Work for an agent, or for a person. `approval` is the permission to run the agent."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(TaskStatus.choices)
    assigned_agent = serializers.CharField(help_text="Empty for a task that a person does.")
    assigned_to = serializers.CharField(help_text="The user name of the person it is for, if any.")
    priority = serializers.SerializerMethodField()
    requires_approval = serializers.BooleanField()
    approval = serializers.ChoiceField(APPROVALS)
    metadata = AnyObject()
    deliverable_url = serializers.CharField()
    execution_attempts = serializers.IntegerField()
    last_execution_attempt = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    execution_error = serializers.CharField()
    approved_by = PrincipalLabel()
    approved_at = serializers.DateTimeField(allow_null=True)
    rejected_by = PrincipalLabel()
    rejected_at = serializers.DateTimeField(allow_null=True)
    rejection_reason = serializers.SerializerMethodField()
    campaign = serializers.UUIDField(source="campaign_id", allow_null=True)
    plan = serializers.UUIDField(source="plan_id", allow_null=True)
    created_by = PrincipalLabel()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(PRIORITIES))
    def get_priority(self, task: Task) -> str:
        return TaskPriority(task.priority).label

    def get_rejection_reason(self, task: Task) -> str:
        return task.decision_reason if task.rejected_at else ""


class ApprovalShape(Shape):
    """Where a task's approval stands."""

    approval = serializers.ChoiceField(APPROVALS)
    by = PrincipalLabel()
    at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class MessageShape(Shape):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = PrincipalLabel()
    text = serializers.CharField()


class CampaignShape(Shape):
    """A cause, a goal in words, and the agent that works on it; `counts` are of its requests by status."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    cause = serializers.CharField()
    goal = serializers.CharField()
    ask = serializers.CharField()
    audience = serializers.CharField()
    tone = serializers.CharField()
    sender_name = serializers.CharField()
    sender_role = serializers.CharField()
    sender_organisation = serializers.CharField()
    agent = serializers.CharField()
    status = serializers.ChoiceField(CampaignStatus.choices)
    prospect_list = serializers.UUIDField(source="prospect_list_id", allow_null=True)
    query = serializers.CharField()
    at_most = serializers.IntegerField()
    counts = serializers.SerializerMethodField()
    created_by = PrincipalLabel()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_counts(self, campaign: Campaign) -> dict[str, int]:
        counts: dict[str, int] = campaign.counts  # type: ignore[attr-defined]  # put there by the view, a page at once
        return counts


class ProspectListShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    count = serializers.SerializerMethodField()
    created_by = PrincipalLabel()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.IntegerField())
    def get_count(self, prospects: ProspectList) -> int:
        return len(prospects.rows)


class LogLineShape(Shape):
    at = serializers.CharField()
    text = serializers.CharField()


class RunShape(Shape):
    """One run of an agent: what it was told, where it stands, what it proposed."""

    id = serializers.UUIDField()
    agent = serializers.CharField()
    status = serializers.ChoiceField(RunStatus.choices)
    inputs = AnyObject()
    campaign = serializers.UUIDField(source="campaign_id", allow_null=True)
    task = serializers.UUIDField(source="task_id", allow_null=True)
    plan = serializers.UUIDField(source="plan_id", allow_null=True)
    summary = serializers.CharField()
    error = serializers.CharField()
    log = LogLineShape(many=True)
    started_by = PrincipalLabel()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class StartedShape(Shape):
    """A goal that an agent was put to work on."""

    campaign = CampaignShape()
    run = RunShape()


class OutputShape(Shape):
    """What an agent chose and wrote for one contact; `request` is what came of it."""

    id = serializers.UUIDField()
    run = serializers.UUIDField(source="run_id")
    agent = serializers.SerializerMethodField()
    campaign = serializers.SerializerMethodField()
    contact = serializers.UUIDField(source="contact_id")
    contact_name = serializers.SerializerMethodField()
    channel = serializers.CharField()
    status = serializers.ChoiceField(DraftStatus.choices)
    reason = serializers.CharField()
    cites = Anything()
    payload = AnyObject()
    writer = serializers.CharField()
    notes = Anything()
    claims = Anything()
    request = serializers.UUIDField(source="request_id", allow_null=True)
    created_at = serializers.DateTimeField()

    def get_agent(self, draft: Draft) -> str:
        return draft.run.agent

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_campaign(self, draft: Draft) -> Any:
        return str(draft.run.campaign_id) if draft.run.campaign_id else None

    def get_contact_name(self, draft: Draft) -> str:
        return str(draft.contact)


def ready_run(run: AgentRun) -> AgentRun:
    """The run with what its form shows loaded."""
    return AgentRun.objects.select_related("started_by").get(pk=run.pk)
