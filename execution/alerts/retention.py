"""Deliveries and notifications are kept for a while; the alerts themselves stay."""

from datetime import timedelta

from execution.models import AlertDelivery, DeliveryState, Notification
from workspaces.clock import database_now
from workspaces.ids import lowest_id
from workspaces.scope import all_workspaces

KEPT_FOR = timedelta(days=90)
_OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)


def forget_old() -> int:
    """Delete what is older; returns how many rows. Ids grow with time, so the primary key finds them."""
    now = database_now()
    before = lowest_id(now - KEPT_FOR)
    with all_workspaces("old news goes everywhere"):
        gone, _ = AlertDelivery.objects.filter(id__lt=before).exclude(state__in=_OPEN).delete()
        # One that was told again lately is no old one, whenever it was made.
        more, _ = Notification.objects.filter(id__lt=before, at__lt=now - KEPT_FOR).delete()
    return gone + more
