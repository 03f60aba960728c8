from django.db import models
from django.db.models import Q

from execution.models.alert import Severity
from execution.models.base import TenantModel


class AlertRoute(TenantModel):
    """A way out of the console for a workspace's alerts: one Apprise URL, and from which severity it is used."""

    name = models.CharField(max_length=80)
    severity = models.CharField("from", max_length=8, choices=Severity.choices, default=Severity.WARNING)
    # The whole URL, encrypted: it holds tokens. Never shown again.
    secret = models.TextField(editable=False)
    # What may be shown of it: "slack", "mailto".
    scheme = models.CharField(max_length=20, editable=False)
    is_active = models.BooleanField("in use", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="alert_route_name_once")]

    def __str__(self) -> str:
        return self.name


class EscalationStep(TenantModel):
    """A rung of the ladder: who is told when an alert of this severity is unanswered for so long."""

    severity = models.CharField(max_length=8, choices=Severity.choices)
    after_minutes = models.PositiveIntegerField()
    # Both may be empty: then every route that takes the severity.
    route = models.ForeignKey(AlertRoute, on_delete=models.PROTECT, db_index=False, null=True, blank=True)
    person = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, db_index=False, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["severity", "after_minutes", "id"]
        indexes = [models.Index(fields=["workspace", "severity", "after_minutes"], name="escalation_ladder")]

    def __str__(self) -> str:
        return f"{self.get_severity_display()} after {self.after_minutes} min"


class DeliveryState(models.TextChoices):
    """Where one message about an alert stands."""

    PENDING = "pending", "Waiting"
    SENDING = "sending", "Under way"  # leased to one process until `due_at`
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"  # refused for good, or every try failed
    DROPPED = "dropped", "Not needed"  # over before it was sent, or the way out is gone


class AlertDelivery(TenantModel):
    """One message about an alert, to one place. What failed is tried again alone."""

    alert = models.ForeignKey("execution.Alert", on_delete=models.CASCADE, db_index=False, related_name="deliveries")
    round = models.PositiveIntegerField()
    # route:ID, env:FINGERPRINT (one of ALERT_URLS), mail (ALERT_EMAIL) or person:ID.
    target = models.CharField(max_length=80)
    count = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["alert", "round", "target"], name="alert_told_once_a_round")]
        indexes = [
            models.Index(fields=["due_at"], name="alert_delivery_due", condition=Q(state__in=["pending", "sending"])),
            # Whether a way out that had failed works again.
            models.Index(
                fields=["workspace", "target", "-sent_at"], name="alert_delivery_sent", condition=Q(state="sent")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.get_state_display()}"


class Notification(TenantModel):
    """An alert as one member is shown it: under the bell, until they have read it."""

    alert = models.ForeignKey("execution.Alert", on_delete=models.CASCADE, db_index=False, related_name="+")
    member = models.ForeignKey("workspaces.Principal", on_delete=models.CASCADE, db_index=False, related_name="+")
    at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["alert", "member"], name="notified_once_an_alert")]
        indexes = [
            models.Index(fields=["workspace", "member", "-at", "-id"], name="notification_list"),
            # The number on the bell.
            models.Index(fields=["member", "workspace"], name="notification_unread", condition=Q(read_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} for {self.member_id}"
