from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel


class LlmCall(TenantModel):
    """One call to a language model: what it was for, its tokens and what they cost. No prompt, no answer."""

    run = models.ForeignKey(
        "campaigns.AgentRun", on_delete=models.SET_NULL, null=True, db_index=False, related_name="calls"
    )
    at = models.DateTimeField()
    purpose = models.CharField(max_length=60)
    model = models.CharField(max_length=80)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cost_micros = models.PositiveBigIntegerField(default=0, help_text="US dollars times a million.")
    price_is_known = models.BooleanField(default=True)
    latency_ms = models.PositiveIntegerField(default=0)
    stop_reason = models.CharField(max_length=40, blank=True)
    provider_request_id = models.CharField(max_length=100, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # What a workspace spent in the last 24 hours; its calls, newest first.
            models.Index(fields=["workspace", "-at"], name="llm_spend"),
            # What lets go of a run that retention clears.
            models.Index(fields=["run"], name="llm_of_run", condition=Q(run__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.model}"
