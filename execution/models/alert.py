from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel


class Severity(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class Alert(TenantModel):
    """Something a person should know, grouped by fingerprint until it is acknowledged or resolved.

    `alerts/kinds.py` says what each kind means; `alerts/telling.py` when people are told, and who.
    """

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
    resolution = models.CharField(max_length=200, blank=True)

    # When people are told next; None: nothing is to be told.
    tell_at = models.DateTimeField(null=True)
    # How often they were told, how many steps of the ladder are reached, and the count they know.
    rounds = models.PositiveIntegerField(default=0)
    step = models.PositiveSmallIntegerField(default=0)
    told_count = models.PositiveIntegerField(default=0)
    # The same fingerprint is not told of again before this.
    quiet_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "fingerprint"],
                condition=Q(resolved_at=None, acknowledged_at=None),
                name="one_open_alert_a_fingerprint",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "-last_at"], name="alert_list"),
            # Whom to tell now.
            models.Index(fields=["tell_at"], name="alert_to_tell", condition=Q(tell_at__isnull=False)),
            # Whether the cause is gone, kind by kind; and the badge.
            models.Index(fields=["kind", "workspace"], name="alert_unresolved", condition=Q(resolved_at=None)),
            # Whether people were told of the same thing lately.
            models.Index(fields=["workspace", "fingerprint", "-last_at"], name="alert_fingerprint"),
        ]

    def __str__(self) -> str:
        return self.title
