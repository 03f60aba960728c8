"""Alerts as the tests of this folder raise and read them."""

from typing import Any

from execution.models import Alert, AlertDelivery, Notification
from execution.services.alerts import raise_alert
from tests.builders import Cast
from workspaces.actors import Actor


def raised(cast: Cast, **more: Any) -> Alert:
    """An alert of the kind `seal_mismatch`, unless said otherwise; the one that stands open now."""
    fields: dict[str, Any] = {"kind": "seal_mismatch", "fingerprint": "f", "title": "Look here", "detail": "d", **more}
    raise_alert(workspace_id=cast.workspace.id, **fields)
    with cast.scope():
        return Alert.objects.filter(fingerprint=fields["fingerprint"]).latest("first_at")


def now(cast: Cast, alert: Alert) -> Alert:
    """The alert as it stands now."""
    with cast.scope():
        return Alert.objects.get(pk=alert.pk)


def deliveries(cast: Cast) -> list[AlertDelivery]:
    """Every message, the oldest first."""
    with cast.scope():
        return list(AlertDelivery.objects.order_by("round", "target"))


def unread(cast: Cast, actor: Actor) -> list[str]:
    """The titles under a member's bell."""
    with cast.scope():
        rows = Notification.objects.filter(member_id=actor.principal_id, read_at=None)
        return list(rows.order_by("at").values_list("alert__title", flat=True))
