from django.db import models
from django.db.models import Q


class Installation(models.Model):
    """Which database may send: the identity that a person, or its own empty beginning, adopted. One row.

    `restored_at` is set where this turned out to be another database, or an older state of it: nothing is sent from
    then until a person resumes.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    identity = models.CharField(max_length=64)
    adopted_at = models.DateTimeField()
    restored_at = models.DateTimeField(null=True)
    difference = models.TextField(blank=True)
    # The audit entry of the last resumption; the checkpoint outside begins anew under it.
    resumed_entry = models.UUIDField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return "restored, waiting for a person" if self.restored_at else "adopted"
