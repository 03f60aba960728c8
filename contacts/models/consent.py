from django.db import models
from django.db.models import Q

from contacts.models.append_only import AppendOnly, AppendOnlyManager
from workspaces.ids import new_id
from workspaces.scope import scoped_manager


class ConsentStatus(models.TextChoices):
    """What an event says."""

    GRANTED = "granted", "Granted"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Basis(models.TextChoices):
    """Why it is lawful to write to somebody (GDPR, article 6; CASL, section 10)."""

    CONSENT = "consent", "Consent"
    CONTRACT = "contract", "Contract"
    LEGAL_OBLIGATION = "legal_obligation", "Legal obligation"
    LEGITIMATE_INTEREST = "legitimate_interest", "Legitimate interest"
    PUBLIC_OFFICE = "public_office", "Public office or press desk, published for this"


class ConsentEvent(AppendOnly):
    """A consent or other lawful basis given or withdrawn, for one purpose (email, sms, voice ...). The latest counts.

    `at` is when it was given, `recorded_at` when we were told. Rows are history: a correction is another row.
    """

    redacted = {"evidence": "", "source": ""}

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False)
    contact = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, related_name="consents", db_index=False)
    purpose = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=ConsentStatus.choices)
    basis = models.CharField(max_length=24, choices=Basis.choices, blank=True)
    source = models.CharField(max_length=200, blank=True, help_text="How we know: a form, a meeting, a published page.")
    evidence = models.TextField(blank=True, help_text="What proves it: the form's wording, a link, a reference.")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, related_name="+")

    objects = scoped_manager(AppendOnlyManager)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="granted", basis__in=Basis.values) | Q(status="withdrawn", basis=""),
                name="granted_consent_has_a_basis",
            )
        ]
        indexes = [
            # The latest event of each of many contacts, for one purpose.
            models.Index(fields=["contact", "purpose", "at"], name="consent_latest"),
            # The list of events of a workspace, newest first.
            models.Index(fields=["workspace", "-id"], name="consent_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.status}"
