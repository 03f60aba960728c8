from django.core.validators import MaxValueValidator, MinValueValidator
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
    max_connections = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(1, "1 at least."), MaxValueValidator(1_000, "1000 at most.")],
        help_text="At most so many connections at once, over all workers. The provider's documentation says how many.",
    )
    is_default = models.BooleanField(default=False)
    # Pace and warm-up: execution/engine/pace.py and execution/engine/warm_up.py.
    per_second = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1, "1 at least. Leave it empty for no pace.")],
        help_text="At most so many acts in any second, evenly spaced over all workers. Empty: no pace.",
    )
    warm_up_started_on = models.DateField(
        null=True,
        blank=True,
        help_text="The day on which the account is first used, by the workspace's clock. Empty: no warm-up.",
    )
    warm_up_first_day = models.PositiveIntegerField(
        default=50,
        validators=[MinValueValidator(1, "1 at least.")],
        help_text="At most so many people reached in any 24 hours on the first day.",
    )
    warm_up_growth_percent = models.PositiveSmallIntegerField(
        default=50,
        validators=[MinValueValidator(1, "1 at least."), MaxValueValidator(1_000, "1000 at most.")],
        help_text="Each day so many percent more than the day before, and at least one more.",
    )
    warm_up_target = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="From so many a day on the warm-up is over and holds nothing back. Empty: a million.",
    )
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
            models.CheckConstraint(condition=models.Q(per_second__gte=1), name="account_pace_at_least_one"),
        ]

    def __str__(self) -> str:
        return self.name


class AccountPace(models.Model):
    """When the last call that an account's pace allowed may begin. The row is the lock, so the account is not."""

    account = models.OneToOneField(
        "execution.ProviderAccount", on_delete=models.CASCADE, primary_key=True, related_name="pace"
    )
    last_slot_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.account_id}: {self.last_slot_at}"
