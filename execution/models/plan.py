from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel


class ExecutionPlan(TenantModel):
    """Requests proposed together, with a goal; what a batch decision covers. Its progress is its requests' states."""

    title = models.CharField(max_length=200)
    goal = models.TextField(blank=True)
    proposed_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    # Copied in at propose; execution never follows it.
    campaign_id = models.UUIDField(null=True, blank=True)
    campaign_label = models.CharField(max_length=200, blank=True)
    size = models.PositiveIntegerField(default=0)
    # How many of its acts were carried out, and how many of those only as a dry run.
    performed = models.PositiveIntegerField(default=0)
    performed_dry = models.PositiveIntegerField(default=0)
    # How many of its requests go first, 0 where all go at once; when that was over, and when the machine stopped it.
    canary_size = models.PositiveSmallIntegerField(default=0, db_default=0)
    canary_over_at = models.DateTimeField(null=True, blank=True)
    canary_stopped_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # The list of plans, newest first.
            models.Index(fields=["workspace", "-id"], name="plan_list"),
            # The plans whose slice is not over: what the sweep looks at.
            models.Index(
                fields=["workspace"],
                name="plan_canary",
                condition=Q(canary_size__gt=0, canary_over_at=None, canary_stopped_at=None),
            ),
            # The plans of one campaign.
            models.Index(fields=["campaign_id", "-id"], name="plan_of_campaign"),
        ]

    def __str__(self) -> str:
        return self.title
