from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel


class GateDefinition(TenantModel):
    """A named human check: who may open it, how many, how soon, who is next."""

    name = models.CharField(max_length=40)
    label = models.CharField(max_length=120)
    roles = models.JSONField(default=list, help_text="Roles whose members may open it.")
    quorum = models.PositiveSmallIntegerField(default=1, help_text="Distinct people who must approve.")
    answer_within_seconds = models.PositiveIntegerField(
        default=86_400, help_text="When they are over people are told. 3600 is an hour, 86400 a day."
    )
    expires_after_seconds = models.PositiveIntegerField(
        default=604_800, help_text="An unanswered request expires after this; so does an approval not carried out."
    )
    escalate_to = models.CharField(
        max_length=150,
        blank=True,
        help_text="User name of a member who is told, besides everybody else, when nobody answered in time.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="gate_name_once"),
            models.CheckConstraint(condition=Q(quorum__gte=1), name="gate_needs_somebody"),
        ]

    def __str__(self) -> str:
        return self.name


class GateState(models.TextChoices):
    """Where a gate of one request stands."""

    OPEN = "open", "Waiting"  # waits for decisions
    PASSED = "passed", "Passed"
    REJECTED = "rejected", "Rejected"
    SUPERSEDED = "superseded", "Superseded"  # a newer revision, or drift, opened another in its place
    CLOSED = "closed", "Closed"  # the request ended another way


class RequestGate(TenantModel):
    """A gate that one revision of a request has to pass."""

    request = models.ForeignKey(
        "execution.ExecutionRequest", on_delete=models.CASCADE, db_index=False, related_name="gates"
    )
    revision = models.PositiveIntegerField()
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=GateState.choices, default=GateState.OPEN)
    needed = models.PositiveSmallIntegerField(default=1)
    opened_at = models.DateTimeField()
    deadline = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["opened_at", "name"]
        constraints = [
            # One open gate of a name a request, whatever races.
            models.UniqueConstraint(fields=["request", "name"], condition=Q(state="open"), name="one_open_gate"),
        ]
        indexes = [
            # The queue: what waits at which gate, oldest deadline first.
            models.Index(fields=["workspace", "deadline", "request"], name="gate_queue", condition=Q(state="open")),
            models.Index(fields=["request", "revision"], name="gate_of_request"),
            # The sweep: what nobody answered for long.
            models.Index(fields=["opened_at"], name="gate_open_since", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return self.name
