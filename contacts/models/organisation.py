from django.db import models

from workspaces.ids import new_id
from workspaces.scope import scoped_manager


class OrganisationKind(models.TextChoices):
    """What sort of body it is."""

    COMPANY = "company", "Company"
    GOVERNMENT = "government", "Government"
    ASSOCIATION = "association", "Association or coalition"
    MEDIA = "media", "Media"
    OTHER = "other", "Other"


class Organisation(models.Model):
    """A body that contacts belong to. One of a name in a workspace, whatever its case and spacing (`name_key`)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=400, editable=False)
    kind = models.CharField(max_length=12, choices=OrganisationKind.choices, default=OrganisationKind.OTHER)
    website = models.URLField(max_length=500, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    objects = scoped_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name_key"], name="organisation_name_once")]

    def __str__(self) -> str:
        return self.name
