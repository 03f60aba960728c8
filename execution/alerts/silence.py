"""Whether work is due and nobody carries it out."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from execution.models import ExecutionRequest, Hold, HoldScope
from execution.states import Status
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.settings_store import effective_settings

# What is due is claimed within seconds, and what has to wait is given a later time: this much later nobody looked.
SILENT_AFTER = timedelta(minutes=2)


def overdue_workspaces() -> QuerySet[Workspace]:
    """The workspaces in which something has been due for two minutes and nobody looked at it. Out of any scope."""
    due = ExecutionRequest.objects.filter(
        workspace=OuterRef("pk"), status=Status.APPROVED, due_at__lt=database_now() - SILENT_AFTER
    )
    return Workspace.objects.filter(Exists(due))


def is_silent(*, workspace_id: UUID) -> bool:
    """Whether nobody carries out what is due there, although it may go by itself and nothing holds all of it."""
    workspace = overdue_workspaces().filter(pk=workspace_id).first()
    if workspace is None or not settings.ENABLE_AUTO_EXECUTION:
        return False
    values = effective_settings(workspace=workspace, keys=["execution_enabled", "global_pause"])
    whole = Hold.objects.filter(released_at=None, scope__in=[HoldScope.GLOBAL, HoldScope.WORKSPACE])
    held = whole.filter(workspace=None).exists() or whole.filter(workspace=workspace).exists()
    return bool(values["execution_enabled"]) and not values["global_pause"] and not held
