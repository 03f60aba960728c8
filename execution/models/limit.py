from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel
from workspaces.ids import new_id


class Limit(TenantModel):
    """At most `count` acts in any `period_seconds`, exactly, over all workers.

    `scope` says what is counted: workspace, channel:NAME, account:ID, tasks (poll runs), seo_bulk (plans),
    and, one count each: contact, domain. `warm_up:ACCOUNT_ID` is kept by services/accounts.py; its count is computed
    (engine/warm_up.py).
    """

    name = models.CharField(max_length=60)
    scope = models.CharField(max_length=80)
    count = models.PositiveIntegerField()
    period_seconds = models.PositiveIntegerField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="limit_name_once"),
            models.CheckConstraint(condition=Q(period_seconds__gte=1), name="limit_period_at_least_a_second"),
        ]

    def __str__(self) -> str:
        return self.name


class LimitCounter(models.Model):
    """One running count of a limit: `key` is empty, or the contact or domain counted. The row is the lock."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    limit = models.ForeignKey("execution.Limit", on_delete=models.CASCADE, db_index=False, related_name="counters")
    key = models.CharField(max_length=255, blank=True)
    ordinal = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["limit", "key"], name="limit_counter_once")]

    def __str__(self) -> str:
        return f"{self.limit_id}:{self.key}"


class LimitMark(models.Model):
    """An act counted. Allowed if the mark `count` ordinals before is older than the window: constant cost."""

    counter = models.ForeignKey(
        "execution.LimitCounter", on_delete=models.CASCADE, db_index=False, related_name="marks"
    )
    ordinal = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    subject = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["counter", "ordinal"], name="limit_mark_once")]

    def __str__(self) -> str:
        return f"{self.counter_id}#{self.ordinal}"
