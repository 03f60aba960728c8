"""Alerts end by themselves where their cause is gone. Looked at again and again, so that no signal can be lost."""

from typing import Any

from django.db.models import QuerySet

from execution.alerts import causes  # noqa: F401  (registers the kinds of this app)
from execution.alerts.kinds import kind_named
from execution.models import Alert
from workspaces.clock import database_now
from workspaces.scope import all_workspaces


def resolve_over() -> int:
    """Resolve what is over, in every workspace; returns how many. Any number of processes may do so at once."""
    resolved = 0
    with all_workspaces("alerts end in every workspace"):
        names = Alert.objects.filter(resolved_at=None).order_by().values_list("kind", flat=True).distinct()
        for name in sorted(set(names)):
            kind = kind_named(name)
            if kind is None:
                continue
            rows = Alert.objects.filter(kind=name, resolved_at=None).order_by()
            over: QuerySet[Any]
            if kind.lasts is not None:
                over = rows.filter(last_at__lte=database_now() - kind.lasts)
            elif kind.over is not None:
                over = kind.over(rows)
            else:
                continue
            resolved += resolve(over, why=kind.ends)
    return resolved


def resolve(alerts: QuerySet[Any], *, why: str) -> int:
    """Mark these as over; nobody is told of them any more."""
    return alerts.filter(resolved_at=None).update(resolved_at=database_now(), resolution=why, tell_at=None)
