from django.db import models

from execution.models.base import TenantModel


class PolicyVersion(TenantModel):
    """The rules of a workspace as published at one moment; the highest number is in force. Never changed."""

    number = models.PositiveIntegerField()
    rules = models.JSONField()
    note = models.CharField(max_length=300, blank=True)
    published_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["workspace", "number"], name="policy_number_once")]

    def __str__(self) -> str:
        return f"version {self.number}"
