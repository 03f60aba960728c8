from django.db import models

from execution.models.base import TenantModel


class Snapshot(TenantModel):
    """What a request and its surroundings were when it was first marked, at one revision; never changed afterwards.

    The words themselves are those of the revision, under the digest named here.
    """

    request = models.ForeignKey(
        "execution.ExecutionRequest", on_delete=models.CASCADE, db_index=False, related_name="snapshots"
    )
    revision = models.PositiveIntegerField()
    taken_at = models.DateTimeField()
    document = models.JSONField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["request", "revision"], name="snapshot_once_a_revision")]
        # The list of a workspace, newest first.
        indexes = [models.Index(fields=["workspace", "-id"], name="snapshot_of_workspace")]

    def __str__(self) -> str:
        return f"snapshot of revision {self.revision}"
