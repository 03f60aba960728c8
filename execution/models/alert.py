from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel


class Severity(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class Alert(TenantModel):
    """Something a person should know, grouped by fingerprint until it is acknowledged or resolved."""

    kind = models.CharField(max_length=40)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    fingerprint = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    request_id = models.UUIDField(null=True)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    acknowledged_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "fingerprint"],
                condition=Q(resolved_at=None, acknowledged_at=None),
                name="one_open_alert_a_fingerprint",
            )
        ]
        indexes = [models.Index(fields=["workspace", "-last_at"], name="alert_list")]

    def __str__(self) -> str:
        return self.title
