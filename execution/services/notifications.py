"""What a member is notified of: listed, counted, and read by nobody but themselves."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from execution.models import Notification
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import NotFound
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def notifications_of(*, workspace: Workspace, actor: Actor) -> QuerySet[Notification]:
    """The member's own, the newest first, each with its alert. Inside the workspace's scope."""
    rows = Notification.objects.select_related("alert").filter(workspace=workspace, member_id=actor.principal_id)
    return rows.order_by("-at", "-id")


def unread_count(*, workspace: Workspace, actor: Actor) -> int:
    """The number on the bell, at most 100. Inside the scope."""
    rows = Notification.objects.filter(workspace=workspace, member_id=actor.principal_id, read_at=None)
    return len(rows.order_by().values_list("pk", flat=True)[:100])


def mark_read(*, workspace: Workspace, actor: Actor, notification_id: UUID | str) -> Notification:
    """Read one; reading it again changes nothing. Raises NotFound for somebody else's."""
    actor.require(Permission.VIEW, workspace_id=workspace.id)
    with workspace_scope(workspace):
        _read(workspace=workspace, actor=actor, ids=[notification_id])
        found = notifications_of(workspace=workspace, actor=actor).filter(pk=notification_id).first()
    if found is None:
        raise NotFound("There is no such notification of yours in this workspace.")
    return found


def mark_all_read(*, workspace: Workspace, actor: Actor) -> int:
    """Read everything there is; returns how many were unread."""
    actor.require(Permission.VIEW, workspace_id=workspace.id)
    with workspace_scope(workspace):
        return _read(workspace=workspace, actor=actor, ids=None)


def _read(*, workspace: Workspace, actor: Actor, ids: Collection[UUID | str] | None) -> int:
    rows = Notification.objects.filter(workspace=workspace, member_id=actor.principal_id, read_at=None)
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return rows.update(read_at=database_now())
