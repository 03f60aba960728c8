from django.db import models

from workspaces.ids import new_id


class Heartbeat(models.Model):
    """A standing process of a cluster, seen alive at `beat_at` by the database's clock (engine/heartbeat.py)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    role = models.CharField(max_length=20)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.role} {self.host}:{self.pid}"
