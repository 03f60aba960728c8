from django.conf import settings
from django.db import models
from django.db.models import Q

from workspaces.ids import new_id


class PrincipalKind(models.TextChoices):
    """Who acts."""

    PERSON = "person", "Person"
    SERVICE = "service", "Service"  # an API or MCP client
    AGENT = "agent", "Agent"
    SYSTEM = "system", "System"


SHOWN_AS = {
    PrincipalKind.PERSON: "human",
    PrincipalKind.SERVICE: "service",
    PrincipalKind.AGENT: "agent",
    PrincipalKind.SYSTEM: "system",
}


class Principal(models.Model):
    """Someone or something that acts. Records point at its id: names change, and a person's name is personal data."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=8, choices=PrincipalKind.choices)
    name = models.CharField(max_length=150)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="principal"
    )
    # Services and agents belong to one workspace; people and the system to none.
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, null=True, blank=True)
    is_operator = models.BooleanField(default=False, help_text="Runs the installation: global holds and settings.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind", "name"], name="principal_name_once"),
            models.UniqueConstraint(
                fields=["kind", "name"], condition=Q(workspace=None), name="principal_name_once_installation"
            ),
            models.CheckConstraint(
                condition=Q(kind="person", user__isnull=False, workspace=None)
                | Q(kind__in=["service", "agent"], user=None, workspace__isnull=False)
                | Q(kind="system", user=None, workspace=None),
                name="principal_kind_fits",
            ),
            models.CheckConstraint(condition=Q(is_operator=False) | Q(kind="person"), name="operator_is_a_person"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """How it is shown: human:rosa, service:crm, agent:outreach, system:poll."""
        return f"{SHOWN_AS[PrincipalKind(self.kind)]}:{self.name}"
