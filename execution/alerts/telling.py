"""Telling people: which alert is due to be told, under whose bell, and one delivery for each way out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from execution.alerts.kinds import kind_named
from execution.alerts.ladder import Ladder, ladder_of
from execution.alerts.targets import person_target
from execution.models import Alert, AlertDelivery, Notification
from workspaces.clock import DatabaseNow, database_now
from workspaces.models import Membership, PrincipalKind, Workspace
from workspaces.permissions import RIGHTS, Permission
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces, workspace_scope

_AT_MOST = 100  # alerts at once; the next turn takes the rest
# Whoever can answer an alert is notified of it.
_NOTIFIED_ROLES = [role for role, rights in RIGHTS.items() if Permission.HOLD in rights]


# Asked every second, and mostly in vain.
_DUE = Prepared(
    lambda: (
        Alert.objects.filter(tell_at__lte=DatabaseNow(), resolved_at=None, acknowledged_at=None)
        .order_by("tell_at")
        .values_list("pk", flat=True)[:1]
    )
)


def tell_due() -> int:
    """Tell of every alert that is due to be told; returns how many were. Any number of processes may do so at once:
    each alert is one's, by its row's lock.
    """
    with all_workspaces("alerts are told in every workspace"):
        return _tell_all() if _DUE.rows() else 0


@transaction.atomic
def _tell_all() -> int:
    now = database_now()
    skip = connection.features.has_select_for_update_skip_locked
    due = Alert.objects.select_for_update(skip_locked=skip).filter(
        tell_at__lte=now, resolved_at=None, acknowledged_at=None
    )
    found: dict[UUID, list[Alert]] = defaultdict(list)
    for alert in due.order_by("tell_at", "id")[:_AT_MOST]:
        found[alert.workspace_id].append(alert)
    workspaces = Workspace.objects.in_bulk(list(found))
    for workspace_id, alerts in found.items():
        with workspace_scope(workspaces[workspace_id]):
            _tell(workspace=workspaces[workspace_id], alerts=alerts, now=now)
    return sum(map(len, found.values()))


def _tell(*, workspace: Workspace, alerts: Sequence[Alert], now: datetime) -> None:
    ladder = ladder_of(workspace)
    members = _members(workspace)
    deliveries: list[AlertDelivery] = []
    notices: dict[tuple[UUID, UUID], Notification] = {}
    for alert in alerts:
        targets, people = _whom(alert=alert, ladder=ladder, members=members, now=now)
        alert.rounds += 1
        deliveries += [
            AlertDelivery(
                workspace=workspace, alert=alert, round=alert.rounds, target=target, count=alert.count, due_at=now
            )
            for target in sorted(targets)
        ]
        for member in people:
            notices[(alert.pk, member)] = Notification(
                workspace=workspace, alert=alert, member_id=member, at=now, count=alert.count
            )
        alert.step = ladder.reached(severity=alert.severity, first_at=alert.first_at, now=now)
        alert.tell_at = ladder.next_at(severity=alert.severity, first_at=alert.first_at, reached=alert.step)
        alert.told_count, alert.quiet_until = alert.count, now + timedelta(minutes=settings.ALERT_REPEAT_MINUTES)
        alert.save(update_fields=["rounds", "step", "tell_at", "told_count", "quiet_until"])
    AlertDelivery.objects.bulk_create(deliveries)
    # Whoever has read it is shown it anew: something came to it.
    Notification.objects.bulk_create(
        list(notices.values()),
        update_conflicts=True,
        unique_fields=["alert", "member"],
        update_fields=["at", "count", "read_at"],
    )


def _whom(
    *, alert: Alert, ladder: Ladder, members: Mapping[UUID, str], now: datetime
) -> tuple[frozenset[str], frozenset[UUID]]:
    """The places and the members to tell: those of the steps just come to; all told before where it happened again."""
    reached = ladder.reached(severity=alert.severity, first_at=alert.first_at, now=now)
    rungs = ladder.of(alert.severity)
    again = alert.count > alert.told_count
    told = rungs[:reached] if again else rungs[alert.step : reached]
    targets = frozenset[str]().union(*(rung.targets for rung in told))
    people = frozenset[UUID]().union(*(rung.people for rung in told)) & members.keys()
    kind = kind_named(alert.kind)
    if told and kind and kind.named:
        named = kind.named(alert) & members.keys()
        people |= named
        targets |= {person_target(pk) for pk in named}
    if again:
        people |= {pk for pk, role in members.items() if role in _NOTIFIED_ROLES}
    if alert.kind == "alert_undelivered":
        # The way out that fails is not told of its own failure.
        targets -= {alert.fingerprint.partition(":")[2]}
    return targets, people


def _members(workspace: Workspace) -> dict[UUID, str]:
    """The active people of a workspace with their roles."""
    rows = Membership.objects.filter(
        workspace=workspace, kind=PrincipalKind.PERSON, is_active=True, principal__is_active=True
    )
    return dict(rows.values_list("principal_id", "role"))
