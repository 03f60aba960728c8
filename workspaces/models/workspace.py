from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from workspaces.ids import new_id


class Mode(models.TextChoices):
    """What carrying out a request means in a workspace, strictest first."""

    DRY_RUN = "dry_run", "Dry run"  # recorded, nothing leaves
    DRAFT_ONLY = "draft_only", "Draft only"  # drafts at the provider, nothing others can see
    LIVE = "live", "Live"


def validate_time_zone(value: str) -> None:
    """Refuse anything that is not a name of the IANA time zone database."""
    if value not in available_timezones():
        raise ValidationError("%(value)s is not an IANA time zone such as Europe/Paris.", params={"value": value})


class Workspace(models.Model):
    """A tenant: its members, contacts, campaigns, accounts, policies and history."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Use lower-case letters, digits and hyphens.")],
        help_text="Stands in every address of this workspace's console.",
    )
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.DRY_RUN)
    retention_days = models.PositiveIntegerField(
        default=730, validators=[MinValueValidator(90)], help_text="Days that history is kept; 90 at least."
    )
    postal_address = models.TextField(
        blank=True, help_text="Stands under every commercial mail (CAN-SPAM, 15 U.S.C. 7704(a)(5))."
    )
    # Grows with every change that a guard reads, so that a worker knows when what it remembers is old.
    guard_epoch = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(mode__in=Mode.values), name="workspace_mode_known"),
            models.CheckConstraint(condition=models.Q(retention_days__gte=90), name="workspace_keeps_90_days"),
        ]

    def __str__(self) -> str:
        return self.name
