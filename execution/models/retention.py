from django.db import models

from execution.models.base import TenantModel


class RetentionRun(TenantModel):
    """One clearing of what a workspace keeps no longer: what was deleted, by kind, up to which time of settling."""

    started_at = models.DateTimeField()
    # Of the last chunk.
    ended_at = models.DateTimeField()
    cutoff = models.DateTimeField()
    deleted = models.JSONField(default=dict)
    # False while there is more to delete: the next one goes on from there.
    is_complete = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]
        # The last run of a workspace.
        indexes = [models.Index(fields=["workspace", "-id"], name="retention_run_list")]

    def __str__(self) -> str:
        return f"retention {self.started_at:%Y-%m-%d %H:%M}"


class SpentKey(TenantModel):
    """An Idempotency-Key whose request was cleared. It stays for good, so that nothing is ever sent again under it."""

    # SHA-256 of the key: a client may have put personal data into it.
    key_hash = models.CharField(max_length=64)
    spent_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key_hash"], name="spent_key_once")]

    def __str__(self) -> str:
        return self.key_hash[:12]
