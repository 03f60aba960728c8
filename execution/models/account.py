from django.db import models

from execution.models.base import TenantModel


class AccountState(models.TextChoices):
    ACTIVE = "active", "Active"
    STOPPED = "stopped", "Stopped"  # by the machine after an error burst, or by a person


class ProviderAccount(TenantModel):
    """A workspace's credentials and sender identity with a provider. Host, user and From are under the seal."""

    name = models.CharField(max_length=80)
    channel = models.CharField(max_length=20)
    provider = models.CharField(max_length=40)
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    username = models.CharField(max_length=255, blank=True)
    # Encrypted (services/accounts.py); never shown, logged or put into a task's arguments.
    secret = models.TextField(blank=True, editable=False)
    security = models.CharField(
        max_length=8, default="starttls", choices=[("none", "None"), ("starttls", "STARTTLS"), ("tls", "TLS")]
    )
    from_email = models.CharField(max_length=320, blank=True)
    from_name = models.CharField(max_length=120, blank=True)
    options = models.JSONField(default=dict, blank=True)
    max_connections = models.PositiveSmallIntegerField(default=4)
    is_default = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=AccountState.choices, default=AccountState.ACTIVE)
    stopped_reason = models.CharField(max_length=300, blank=True)
    # Failures before this do not count towards stopping it again.
    resumed_at = models.DateTimeField(null=True, editable=False)
    # The service asked for a pause (429, 421, 454) until then: nothing goes through this account before.
    throttled_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["channel", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="account_name_once"),
            models.UniqueConstraint(
                fields=["workspace", "channel"], condition=models.Q(is_default=True), name="one_default_account"
            ),
        ]

    def __str__(self) -> str:
        return self.name
