from django.db import models
from django.db.models import Q

from contacts.models.append_only import AppendOnly, AppendOnlyManager
from workspaces.ids import new_id
from workspaces.scope import scoped_manager


class TimelineEvent(AppendOnly):
    """One thing that happened between us and a contact, in words, over all channels and agents.

    `kind` is an open vocabulary (contacted, replied, suppressed ...). `once_key` keeps a repeat of the same news from
    being written twice. `request_id` and `plan_id` point upward without a constraint: contacts knows nothing of them.
    """

    redacted = {"summary": "", "data": {}}

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False)
    contact = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, related_name="timeline", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    summary = models.CharField(max_length=300, blank=True)
    request_id = models.UUIDField(null=True, blank=True)
    plan_id = models.UUIDField(null=True, blank=True)
    is_dry_run = models.BooleanField(default=False)
    data = models.JSONField(default=dict, blank=True)
    once_key = models.CharField(max_length=120, blank=True, editable=False)

    objects = scoped_manager(AppendOnlyManager)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "once_key"], condition=~Q(once_key=""), name="timeline_event_once"
            )
        ]
        indexes = [
            # A contact's timeline, newest first.
            models.Index(fields=["contact", "-at", "-id"], name="timeline_of_contact"),
            # What happened lately in a workspace.
            models.Index(fields=["workspace", "-at"], name="timeline_of_workspace"),
            # What became of a request.
            models.Index(fields=["request_id"], condition=Q(request_id__isnull=False), name="timeline_of_request"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
