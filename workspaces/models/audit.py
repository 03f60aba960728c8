"""The audit log: entries that never change, sealed into chained blocks. Triggers forbid change (audit/triggers.py)."""

from django.db import models

from workspaces.ids import new_id


class AuditEntry(models.Model):
    """What happened, by whom, to what. Holds ids, hashes and counts, never personal data or message bodies.

    `subjects` lists the ids of a chunk where one entry covers several rows. `hash` covers every other column.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Not a constraint: an entry outlives what it speaks of.
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    actor = models.ForeignKey("workspaces.Principal", on_delete=models.DO_NOTHING, db_constraint=False)
    via = models.CharField(max_length=12)
    subject_type = models.CharField(max_length=40, blank=True)
    subject_id = models.UUIDField(null=True)
    subjects = models.JSONField(default=list)
    data = models.JSONField(default=dict)
    correlation = models.UUIDField()
    # The transaction that wrote it (SQLite: a running number). Everything below the oldest running one is
    # complete, so positions given in this order have no gaps.
    transaction = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            # The sealer's scan: what is complete and not yet in a block.
            models.Index(fields=["transaction", "id"], name="audit_for_sealer"),
            # The audit page of a workspace, newest first.
            models.Index(fields=["workspace", "-id"], name="audit_of_workspace"),
            # The history shown on one request, contact, plan.
            models.Index(fields=["subject_id", "-id"], name="audit_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"


class AuditBlock(models.Model):
    """A run of entries of one chain, sealed: the Merkle root over their hashes, chained to the block before.

    `chain` is a workspace's id, or "installation". Position of an entry = first_position + its index here.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chain = models.CharField(max_length=36)
    number = models.PositiveBigIntegerField()
    first_position = models.PositiveBigIntegerField()
    entry_ids = models.JSONField()
    entry_hashes = models.JSONField()
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()
    # Every transaction below this was sealed by then; transaction ids mean something in one database only.
    horizon = models.PositiveBigIntegerField()
    database = models.CharField(max_length=64)

    class Meta:
        ordering = ["chain", "number"]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="audit_block_number_once")]
        # How far this database is sealed, which the sealer asks each time.
        indexes = [models.Index(fields=["database", "-horizon"], name="audit_block_horizon")]

    def __str__(self) -> str:
        return f"{self.chain} block {self.number}"
