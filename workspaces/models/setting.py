from django.db import models
from django.db.models import Q

from workspaces.ids import new_id


class Setting(models.Model):
    """A value that changes at run time, of one workspace or (workspace None) of the installation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, null=True, related_name="+")
    key = models.CharField(max_length=64)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="setting_once_a_workspace"),
            models.UniqueConstraint(
                fields=["key"], condition=Q(workspace=None), name="setting_once_in_the_installation"
            ),
        ]

    def __str__(self) -> str:
        return self.key
