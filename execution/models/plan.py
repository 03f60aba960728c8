from django.db import models

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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # The list of plans, newest first.
            models.Index(fields=["workspace", "-id"], name="plan_list"),
            # The plans of one campaign.
            models.Index(fields=["campaign_id", "-id"], name="plan_of_campaign"),
        ]

    def __str__(self) -> str:
        return self.title
