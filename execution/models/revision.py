import json
from functools import cached_property
from typing import Any

from django.db import models

from execution.models.base import TenantModel


class Revision(TenantModel):
    """One frozen version of a request: the canonical document (as text, byte for byte what the digest covers)."""

    request = models.ForeignKey(
        "execution.ExecutionRequest", on_delete=models.CASCADE, db_index=False, related_name="revisions"
    )
    number = models.PositiveIntegerField()
    document = models.TextField()
    digest = models.CharField(max_length=64)
    # Digest of each field of the document, so that a drift can be told by field.
    field_hashes = models.JSONField()
    author = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    # Where it was made because something sealed had changed behind us: [{"field", "was", "now"}].
    drift = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="revision_number_once")]

    def __str__(self) -> str:
        return f"revision {self.number}"

    def as_dict(self) -> dict[str, Any]:
        """The document, parsed once."""
        return self._parsed

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.document)
        return parsed


class Part(TenantModel):
    """Bytes kept once a workspace by SHA-256: frozen mail, attachments."""

    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    size = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "sha256"], name="part_once")]

    def __str__(self) -> str:
        return self.sha256[:12]


class PartUse(TenantModel):
    """A request that needs a part which others may need too: an attachment, a file. Its own frozen mail has none."""

    request = models.ForeignKey(
        "execution.ExecutionRequest", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "sha256"], name="part_use_once")]
        # Whether anybody still needs a part.
        indexes = [models.Index(fields=["workspace", "sha256"], name="part_use_of_part")]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} for {self.request_id}"
