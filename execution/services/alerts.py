"""Alerts: what a person should know, grouped by fingerprint while it is open."""

from uuid import UUID

from django.db import transaction
from django.db.models import F

from execution.models import Alert
from workspaces import audit
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import NotFound
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import all_workspaces, workspace_scope


def raise_alert(
    *,
    workspace_id: UUID,
    kind: str,
    severity: str,
    fingerprint: str,
    title: str,
    detail: str = "",
    request_id: UUID | None = None,
) -> None:
    """Open an alert, or count one more where an open one has this fingerprint.

    Stands or falls with the caller's transaction: raise it after a refusal that rolls back, not inside.
    """
    now = database_now()
    with all_workspaces("an alert names its workspace itself"), transaction.atomic():
        open_ones = Alert.objects.filter(
            workspace_id=workspace_id, fingerprint=fingerprint, resolved_at=None, acknowledged_at=None
        )
        if open_ones.update(count=F("count") + 1, last_at=now, detail=detail):
            return
        alert = Alert(
            workspace_id=workspace_id,
            kind=kind,
            severity=severity,
            fingerprint=fingerprint,
            title=title,
            detail=detail,
            request_id=request_id,
            first_at=now,
            last_at=now,
        )
        # Another process may open the same one at this moment: one is enough.
        Alert.objects.bulk_create([alert], ignore_conflicts=True)


def acknowledge(*, workspace: Workspace, actor: Actor, alert_id: UUID | str) -> Alert:
    """A person has seen it. Raises NotFound, NotPermitted."""
    actor.require(Permission.HOLD, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        alert = Alert.objects.select_for_update().filter(workspace=workspace, pk=alert_id).first()
        if alert is None:
            raise NotFound("There is no such alert in this workspace.")
        if alert.acknowledged_at is None:
            alert.acknowledged_at, alert.acknowledged_by_id = database_now(), actor.principal_id
            alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
            audit.record(action="alert.acknowledged", actor=actor, workspace_id=workspace.id, subject=alert)
    return alert
