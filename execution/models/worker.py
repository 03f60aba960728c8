from django.db import models

from workspaces.ids import new_id


class Worker(models.Model):
    """A process that performs requests, alive while its lease by the database's clock runs."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    host = models.CharField(max_length=120)
    boot_id = models.CharField(max_length=64)
    pid = models.PositiveIntegerField()
    # Where its journal lies, for whoever recovers its chunks on the same host.
    journal = models.CharField(max_length=400)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [
            models.Index(fields=["lease_until"], name="worker_alive", condition=models.Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
