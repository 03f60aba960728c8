from typing import Any

from django.db import models
from django.db.models import Q

from execution.models.base import TenantModel
from execution.states import EXPIRING, Status
from workspaces.models import Mode


class ExecutionRequest(TenantModel):
    """One outward act, proposed and not yet done. What exactly is done stands in its current revision's document;
    the columns here are for finding it and for deciding when. Columns that are also under the seal (to, channel,
    mode, account, window) are held against the document before every act.
    """

    plan = models.ForeignKey(
        "execution.ExecutionPlan", on_delete=models.PROTECT, db_index=False, null=True, related_name="requests"
    )
    channel = models.CharField(max_length=20)
    status = models.CharField(max_length=14, choices=Status.choices, default=Status.PROPOSED)
    mode = models.CharField(max_length=12, choices=Mode.choices)
    to = models.CharField(max_length=320, blank=True)
    contact = models.ForeignKey(
        "contacts.Contact", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    account = models.ForeignKey(
        "execution.ProviderAccount", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    summary = models.CharField(max_length=300, blank=True)
    priority = models.PositiveSmallIntegerField(default=50)
    scheduled_for = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    revision = models.PositiveIntegerField(default=1)
    current = models.ForeignKey(
        "execution.Revision", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    digest = models.CharField(max_length=64)

    # What the policies said when it was last evaluated.
    policy_version = models.PositiveIntegerField(default=0)
    policy_matched = models.JSONField(default=list)
    policy_reasons = models.JSONField(default=list)
    runs_alone = models.BooleanField(default=False)
    facts = models.JSONField(default=dict)

    # Where it comes from, copied in at propose. Filters and holds use it; execution never follows it.
    origin_kind = models.CharField(max_length=40, blank=True)
    origin_id = models.UUIDField(null=True)
    origin_label = models.CharField(max_length=200, blank=True)
    origin_url = models.CharField(max_length=500, blank=True)
    agent = models.CharField(max_length=60, blank=True)
    campaign_id = models.UUIDField(null=True)
    campaign_label = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict)
    # One of the few of a large plan that go first; chosen when the plan is proposed.
    canary = models.BooleanField(default=False, db_default=False)

    proposed_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    idempotency_key = models.CharField(max_length=200, null=True)
    idempotency_digest = models.CharField(max_length=64, blank=True)

    # When it is looked at next, and why it waits, while approved.
    due_at = models.DateTimeField(null=True)
    wait_reason = models.CharField(max_length=80, blank=True)
    undo_until = models.DateTimeField(null=True)
    # From when it counts as overdue, where that is later than its schedule and approval: the end of a wait of its own
    # (a limit, hours, a new try), or when a person last let it go.
    overdue_from = models.DateTimeField(null=True)
    # The chunk it was marked in, while dispatching.
    chunk = models.UUIDField(null=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)

    is_dry_run = models.BooleanField(default=False)
    last_error = models.TextField(blank=True)
    deliverable_url = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    approved_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    # Set by propose on an answer to a key it had seen before.
    was_known: bool = False

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="request_status_known"),
            models.CheckConstraint(condition=Q(priority__lte=100), name="request_priority_0_to_100"),
            models.CheckConstraint(
                condition=~Q(status=Status.DISPATCHING) | Q(chunk__isnull=False), name="dispatching_in_a_chunk"
            ),
            models.UniqueConstraint(fields=["workspace", "idempotency_key"], name="request_idempotency_key_once"),
        ]
        indexes = [
            # The claim: what is due in one workspace, by priority, then due time, then age.
            models.Index(
                fields=["workspace", "-priority", "due_at", "id"],
                name="request_due",
                condition=Q(status=Status.APPROVED),
            ),
            # Whether anything is due at all, and how long the oldest has been.
            models.Index(fields=["due_at"], name="request_oldest_due", condition=Q(status=Status.APPROVED)),
            # The sweep: what has its own time to run out, the first to do so first.
            models.Index(
                fields=["expires_at"],
                name="request_expiring",
                condition=Q(status__in=EXPIRING, expires_at__isnull=False),
            ),
            # Recovery and the in-flight count.
            models.Index(fields=["chunk"], name="request_in_flight", condition=Q(status=Status.DISPATCHING)),
            # Lists by status, newest first; counts by status.
            models.Index(fields=["workspace", "status", "-id"], name="request_list"),
            # History: settled, newest first.
            models.Index(
                fields=["workspace", "-settled_at", "-id"],
                name="request_history",
                condition=Q(settled_at__isnull=False),
            ),
            # One plan's requests by status.
            models.Index(fields=["plan", "status", "id"], name="request_of_plan"),
            # The slice of a plan that goes first.
            models.Index(fields=["plan"], name="request_canary", condition=Q(canary=True)),
            # One contact's requests.
            models.Index(fields=["contact", "-id"], name="request_of_contact"),
            # One campaign's requests.
            models.Index(fields=["campaign_id", "-id"], name="request_of_campaign"),
            # Whether a revision is any request's current one: asked by the foreign key for each that is deleted.
            models.Index(fields=["current"], name="request_of_revision"),
        ]

    def __str__(self) -> str:
        return self.summary or f"{self.channel} to {self.to}"

    @property
    def document(self) -> dict[str, Any]:
        """The canonical document in force. Costs a query unless `current` is loaded."""
        if self.current is None:
            raise ValueError("This request has no revision yet.")
        return self.current.as_dict()

    @property
    def payload(self) -> dict[str, Any]:
        """What is to be done, in the channel's terms; attachments as references."""
        payload: dict[str, Any] = self.document["payload"]
        return payload
