from django.db import models
from django.db.models import Q

from workspaces.ids import new_id


class Role(models.TextChoices):
    """What a member may do, most first. The table of rights is workspaces.permissions."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    APPROVER = "approver", "Approver"
    AUTHOR = "author", "Author"
    VIEWER = "viewer", "Viewer"
    SERVICE = "service", "Service"  # the only role of whatever is not a person


class Membership(models.Model):
    """A principal's place in a workspace.

    The database itself keeps deciding to people: `kind` is tied to the principal's by a composite foreign key
    (PostgreSQL), and a check allows anything but a person the service role alone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="memberships")
    principal = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, related_name="memberships")
    kind = models.CharField(max_length=8, editable=False)
    role = models.CharField(max_length=8, choices=Role.choices)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # When this person last did anything here, to five minutes; None for what is no person.
    last_seen_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["workspace", "role"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "principal"], name="one_membership_a_workspace"),
            models.CheckConstraint(
                condition=Q(kind="person", role__in=["owner", "admin", "approver", "author", "viewer"])
                | (~Q(kind="person") & Q(role="service")),
                name="only_people_hold_deciding_roles",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.principal} in {self.workspace}"
