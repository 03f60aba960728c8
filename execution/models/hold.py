from django.db import models
from django.db.models import Q

from workspaces.ids import new_id


class HoldScope(models.TextChoices):
    GLOBAL = "global", "Everything"
    WORKSPACE = "workspace", "Workspace"
    CHANNEL = "channel", "Channel"
    AGENT = "agent", "Agent"
    CAMPAIGN = "campaign", "Campaign"
    PLAN = "plan", "Plan"
    ACCOUNT = "account", "Account"


class Hold(models.Model):
    """A pause. Anyone with the right, a service or the machine may set one; only a person releases it.

    `workspace` is None for a global hold. `key` names what is held inside the workspace: a channel, an agent's slug,
    the id of a campaign, plan or account; empty for a global or workspace hold. Not scoped: the engine reads all.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, null=True, related_name="+")
    scope = models.CharField(max_length=10, choices=HoldScope.choices)
    key = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=300)
    set_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    set_at = models.DateTimeField()
    released_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, db_index=False, null=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True)
    release_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-set_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "scope", "key"],
                condition=Q(released_at=None),
                name="one_hold_a_scope",
                violation_error_message="This is held already.",
            ),
            models.UniqueConstraint(
                fields=["scope"], condition=Q(released_at=None, scope="global"), name="one_global_hold"
            ),
            models.CheckConstraint(
                condition=Q(scope="global", workspace=None) | (~Q(scope="global") & Q(workspace__isnull=False)),
                name="only_a_global_hold_has_no_workspace",
            ),
        ]
        indexes = [models.Index(fields=["workspace"], name="hold_in_force", condition=Q(released_at=None))]

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """As commands and the API write it: global, workspace:SLUG, channel:email ..."""
        if self.scope == HoldScope.GLOBAL:
            return "global"
        if self.scope == HoldScope.WORKSPACE and self.workspace is not None:
            return f"workspace:{self.workspace.slug}"
        return f"{self.scope}:{self.key}"
