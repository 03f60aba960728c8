from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel


class AttemptState(models.TextChoices):
    """How one try went."""

    MARKED = "marked", "Under way"  # committed before the call
    SUCCEEDED = "succeeded", "Succeeded"
    DRY_RUN = "dry_run", "Dry run"
    NOT_BEGUN = "not_begun", "Not begun"  # given back before any call was made
    FAILED = "failed", "Failed"  # definitely not done
    UNCERTAIN = "uncertain", "Unknown"  # may have been done


class Attempt(TenantModel):
    """One try at performing a request, written before the provider is called."""

    request = models.ForeignKey(
        "execution.ExecutionRequest", on_delete=models.CASCADE, db_index=False, related_name="attempts"
    )
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=AttemptState.choices, default=AttemptState.MARKED)
    chunk = models.UUIDField()
    worker = models.UUIDField()
    provider = models.CharField(max_length=40, blank=True)
    marked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    provider_message_id = models.CharField(max_length=300, blank=True)
    response = models.CharField(max_length=500, blank=True)
    error_kind = models.CharField(max_length=16, blank=True)
    error = models.TextField(blank=True)
    wire_digest = models.CharField(max_length=64, blank=True)
    # Where a person said whether an uncertain one happened.
    resolved_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    resolution = models.CharField(max_length=16, blank=True)
    resolution_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="attempt_number_once")]
        indexes = [
            # Recovery of a dead worker's chunk.
            models.Index(fields=["chunk"], name="attempt_under_way", condition=Q(state="marked")),
            # Whether too many failed lately; only what failed pays for it.
            models.Index(fields=["workspace", "-ended_at"], name="attempt_failed", condition=Q(state="failed")),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.get_state_display()}"
