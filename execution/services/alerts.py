"""Alerts: what a person should know, grouped by fingerprint while it is open."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Max, Q, Value, When

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.alerts.kinds import kind_named
from execution.models import Alert, Notification
from workspaces import audit
from workspaces.actors import Actor
from workspaces.bulk import insert_objects
from workspaces.clock import database_now
from workspaces.errors import NotFound
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import all_workspaces, workspace_scope


def raise_alert(
    *,
    workspace_id: UUID,
    kind: str,
    severity: str = "",
    fingerprint: str,
    title: str,
    detail: str = "",
    request_id: UUID | None = None,
) -> None:
    """Open an alert, or count one more where an open one has this fingerprint.

    severity: where it is not the kind's own (execution/alerts/kinds.py). People are told within seconds by the keeper;
    of one fingerprint not again before its `quiet_until`, and then with the count.
    Stands or falls with the caller's transaction: raise it after a refusal that rolls back, not inside.
    """
    raise_alerts(
        workspace_ids=[workspace_id],
        kind=kind,
        severity=severity,
        fingerprint=fingerprint,
        title=title,
        detail=detail,
        request_id=request_id,
    )


def tell_seal_broken(*, workspace_id: UUID, request_id: UUID, title: str, detail: str) -> None:
    """The alert that something sealed was changed behind Countersign: one a request, wherever it was noticed."""
    raise_alert(
        workspace_id=workspace_id,
        kind="seal_mismatch",
        severity="critical",
        fingerprint=f"seal:{request_id}",
        title=title,
        detail=detail,
        request_id=request_id,
    )


def raise_alerts(
    *,
    workspace_ids: Collection[UUID],
    kind: str,
    severity: str = "",
    fingerprint: str,
    title: str,
    detail: str = "",
    request_id: UUID | None = None,
) -> None:
    """The same alert in many workspaces, in as many statements as in one."""
    if not workspace_ids:
        return
    now = database_now()
    with all_workspaces("an alert names its workspace itself"), transaction.atomic():
        of_this = Alert.objects.filter(workspace_id__among=workspace_ids, fingerprint=fingerprint)
        open_ones = of_this.filter(resolved_at=None, acknowledged_at=None)
        counted = open_ones.update(count=F("count") + 1, last_at=now, detail=detail, tell_at=_tell_again(now))
        if counted >= len(workspace_ids):
            return
        told = set(open_ones.values_list("workspace_id", flat=True)) if counted else set()
        quiet = dict(of_this.order_by().values_list("workspace_id").annotate(Max("quiet_until")))
        known = kind_named(kind)
        # Another process may open the same one at this moment: one is enough.
        insert_objects(
            (
                Alert(
                    workspace_id=workspace_id,
                    kind=kind,
                    severity=severity or (known.severity if known else "warning"),
                    fingerprint=fingerprint,
                    title=title,
                    detail=detail,
                    request_id=request_id,
                    first_at=now,
                    last_at=now,
                    tell_at=max(now, quiet.get(workspace_id) or now),
                )
                for workspace_id in workspace_ids
                if workspace_id not in told
            ),
            ignore_conflicts=True,
        )


def _tell_again(now: datetime) -> Case:
    """When people hear that it happened once more: when they would hear of it anyway, or once it is quiet no more."""
    return Case(
        When(Q(tell_at=None) | Q(tell_at__gt=now), quiet_until__lte=now, then=Value(now)),
        When(Q(tell_at=None) | Q(tell_at__gt=F("quiet_until")), quiet_until__isnull=False, then=F("quiet_until")),
        default=F("tell_at"),
    )


def acknowledge(*, workspace: Workspace, actor: Actor, alert_id: UUID | str) -> Alert:
    """A person has seen it: nobody else is told. Raises NotFound, NotPermitted."""
    actor.require(Permission.HOLD, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        alert = Alert.objects.select_for_update().filter(workspace=workspace, pk=alert_id).first()
        if alert is None:
            raise NotFound("There is no such alert in this workspace.")
        now = database_now()
        if alert.acknowledged_at is None:
            alert.acknowledged_at, alert.acknowledged_by_id, alert.tell_at = now, actor.principal_id, None
            alert.save(update_fields=["acknowledged_at", "acknowledged_by", "tell_at"])
            audit.record(action="alert.acknowledged", actor=actor, workspace_id=workspace.id, subject=alert)
        mine: dict[str, Any] = {"alert": alert, "member_id": actor.principal_id, "read_at": None}
        Notification.objects.filter(workspace=workspace, **mine).update(read_at=now)
    return alert
