from django.db import models

from execution.models.base import TenantModel


class Verdict(models.TextChoices):
    """What a person decided."""

    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"
    REQUEST_CHANGES = "request_changes", "Asked for changes"


class Decision(TenantModel):
    """A person's verdict, bound to the digest they saw."""

    request = models.ForeignKey(
        "execution.ExecutionRequest", on_delete=models.CASCADE, db_index=False, related_name="decisions"
    )
    gate = models.ForeignKey(
        "execution.RequestGate", on_delete=models.CASCADE, db_index=False, related_name="decisions"
    )
    revision = models.PositiveIntegerField()
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    digest = models.CharField(max_length=64)
    field_hashes = models.JSONField()
    principal = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    reason = models.TextField(blank=True)
    via = models.CharField(max_length=12)
    # False where the caller named no digest: nobody's screen was compared.
    compared = models.BooleanField(default=True)
    # The decider's own words, allowed by the workspace's `sole_operator` setting at that moment.
    sole_operator = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [
            # A quorum counts distinct people.
            models.UniqueConstraint(fields=["gate", "principal"], name="one_decision_a_person_and_gate"),
        ]
        indexes = [models.Index(fields=["request", "revision"], name="decision_of_request")]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} at {self.gate_id}"
