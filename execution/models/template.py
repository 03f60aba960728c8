from django.db import models

from execution.models.base import TenantModel


class MessageTemplate(TenantModel):
    """A message in Liquid. Once a person approved it for running alone, a mail that is exactly it is a FAQ reply."""

    name = models.SlugField(max_length=60)
    subject = models.CharField(max_length=300)
    text = models.TextField()
    saved_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    approved_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    # Over subject and text as approved: an edit voids the approval.
    approved_digest = models.CharField(max_length=64, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="template_name_once")]

    def __str__(self) -> str:
        return self.name
