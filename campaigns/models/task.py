from django.db import models
from django.db.models import Q

from campaigns.states import TaskStatus
from execution.models.base import TenantModel


class TaskPriority(models.IntegerChoices):
    """Stored as a number, so that "by priority, then age" is the order of an index."""

    LOW = 10, "low"
    NORMAL = 20, "normal"
    HIGH = 30, "high"
    URGENT = 40, "urgent"


class Task(TenantModel):
    """Work for an agent, or for a person. Its approval is permission to run the agent; what the agent proposes then
    passes its own gates.
    """

    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=12, choices=TaskStatus.choices, default=TaskStatus.NEW)
    # An agent's slug; empty for a task that a person does.
    assigned_agent = models.CharField(max_length=60, blank=True)
    # Whom it is for, where a person does it.
    assigned_to = models.CharField(max_length=150, blank=True)
    priority = models.PositiveSmallIntegerField(choices=TaskPriority.choices, default=TaskPriority.NORMAL)
    requires_approval = models.BooleanField(default=True)
    metadata = models.JSONField(default=dict)
    deliverable_url = models.CharField(max_length=1000, blank=True)
    execution_attempts = models.PositiveSmallIntegerField(default=0)
    last_execution_attempt = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    execution_error = models.TextField(blank=True)
    approved_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    rejected_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    rejected_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.PROTECT, null=True, db_index=False, related_name="tasks"
    )
    plan = models.ForeignKey(
        "execution.ExecutionPlan", on_delete=models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    # What it was made for by the machine, so that it is made once: failed:REQUEST:ATTEMPT; empty for all others.
    about = models.CharField(max_length=80, blank=True, editable=False)
    created_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # While in progress by an agent: one process has it until then.
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=TaskStatus.values), name="task_status_known"),
            models.CheckConstraint(
                condition=Q(approved_at=None) | Q(rejected_at=None), name="task_approved_or_rejected"
            ),
            models.UniqueConstraint(fields=["workspace", "about"], condition=~Q(about=""), name="one_task_a_failure"),
        ]
        indexes = [
            # The poll: new ones by priority, then age.
            models.Index(fields=["workspace", "-priority", "id"], name="tasks_to_run", condition=Q(status="new")),
            # The list, newest first.
            models.Index(fields=["workspace", "-id"], name="tasks_newest"),
            # What lets go of a plan that retention clears.
            models.Index(fields=["plan"], name="task_of_plan", condition=Q(plan__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def approval(self) -> str:
        """not_required, pending, approved or rejected."""
        if self.rejected_at:
            return "rejected"
        if self.approved_at:
            return "approved"
        return "pending" if self.requires_approval else "not_required"


class TaskMessage(TenantModel):
    """A line of a task's log."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, db_index=False, related_name="messages")
    at = models.DateTimeField()
    text = models.TextField()
    by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["task", "id"], name="messages_of_task")]

    def __str__(self) -> str:
        return self.text[:80]
