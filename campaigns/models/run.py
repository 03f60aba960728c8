from django.db import models
from django.db.models import Q

from campaigns.states import DraftStatus, RunStatus
from execution.models.base import TenantModel


class AgentRun(TenantModel):
    """One run of an agent: what it was told, where it stands, what it proposed. Run again, it goes on from there."""

    agent = models.CharField(max_length=60)
    inputs = models.JSONField(default=dict)
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.PROTECT, null=True, db_index=False, related_name="runs"
    )
    task = models.ForeignKey("campaigns.Task", on_delete=models.PROTECT, null=True, db_index=False, related_name="runs")
    status = models.CharField(max_length=8, choices=RunStatus.choices, default=RunStatus.QUEUED)
    started_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    # The act of the channel `agent` that started it, where one did.
    request_id = models.UUIDField(null=True)
    # Grows each time a process takes it up, and tells whether it is still that process's.
    tries = models.PositiveSmallIntegerField(default=0)
    plan = models.ForeignKey(
        "execution.ExecutionPlan", on_delete=models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    summary = models.TextField(blank=True)
    # What it said while it worked: [{"at", "text"}].
    log = models.JSONField(default=list)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # A process that dies leaves the run running; after this another may take it up.
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "request_id"], name="one_run_an_act")]
        indexes = [
            # What was started and is not over: the poll sees to it that somebody is at it.
            models.Index(fields=["workspace", "id"], name="runs_open", condition=Q(status__in=["queued", "running"])),
            # The list of runs, newest first.
            models.Index(fields=["workspace", "-id"], name="runs_newest"),
            # The runs of one campaign, and of one task.
            models.Index(fields=["campaign", "-id"], name="runs_of_campaign"),
            models.Index(fields=["task", "-id"], name="runs_of_task", condition=Q(task__isnull=False)),
            # What lets go of a plan that retention clears.
            models.Index(fields=["plan"], name="run_of_plan", condition=Q(plan__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.created_at:%Y-%m-%d %H:%M}"


class Draft(TenantModel):
    """What an agent chose and wrote for one contact. `request_id` names what came of it."""

    run = models.ForeignKey(AgentRun, on_delete=models.CASCADE, db_index=False, related_name="drafts")
    contact = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, db_index=False, related_name="+")
    # Which prospect of the run's source it was, such as p3.
    ref = models.CharField(max_length=12, blank=True)
    channel = models.CharField(max_length=20, default="email")
    status = models.CharField(max_length=8, choices=DraftStatus.choices, default=DraftStatus.CHOSEN)
    # Why this one: in words, and the fields of the source it rests on.
    reason = models.TextField(blank=True)
    cites = models.JSONField(default=list)
    payload = models.JSONField(default=dict)
    writer = models.CharField(max_length=80, blank=True)
    # What the approver should know of the words, and the claims with their sources.
    notes = models.JSONField(default=list)
    claims = models.JSONField(default=list)
    request_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "contact", "channel"], name="one_draft_a_contact")]
        indexes = [
            # The drafts behind the requests on one page.
            models.Index(fields=["request_id"], name="draft_of_request", condition=Q(request_id__isnull=False)),
            # The list of outputs, newest first.
            models.Index(fields=["workspace", "-id"], name="drafts_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.writer or 'Draft'} for {self.contact_id}"
