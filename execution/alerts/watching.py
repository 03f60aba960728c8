"""Watches for what nobody raises: silence where work is due, limits that fill, an audit log not as it was written."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from execution.alerts.causes import NEAR_PERCENT
from execution.alerts.resolving import resolve
from execution.alerts.silence import is_silent, overdue_workspaces
from execution.engine import heartbeat
from execution.engine.limits import filled
from execution.engine.warm_up import account_id_of
from execution.models import Alert, Limit, ProviderAccount
from execution.services.alerts import raise_alert, raise_alerts
from workspaces.audit.verify import verify_newest
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.scope import all_workspaces

_NEWEST_BLOCKS = 50
_PLACES_TO_BE_NEAR = 10


def watch_silence() -> int:
    """Raise an alert in each workspace where work is due and nobody carries it out; returns how many."""
    raised = 0
    with all_workspaces("silence is heard in every workspace"):
        for workspace in overdue_workspaces():
            if not is_silent(workspace_id=workspace.pk):
                continue
            beats = heartbeat.alive().exists()
            known = Alert.objects.filter(workspace=workspace, fingerprint="cluster_silent", resolved_at=None)
            if known.exists():
                continue
            raise_alert(
                workspace_id=workspace.pk,
                kind="cluster_silent",
                fingerprint="cluster_silent",
                title="Nobody carries out what is due",
                detail=(
                    "A cluster is alive, but its workers take nothing up. Look at its log; restart it."
                    if beats
                    else "No cluster has beaten for 30 seconds. Start manage.py up, or manage.py cluster."
                ),
            )
            raised += 1
    return raised


def watch_limits() -> int:
    """Raise an alert for each limit that is reached or nearly so, once in its window; returns how many.

    Limits of fewer than ten places are never nearly reached: there is nothing between that and full.
    """
    raised = 0
    with all_workspaces("limits fill in every workspace"):
        now = database_now()
        full = {limit.pk for limit in filled(percent=100, now=now)}
        for limit in filled(percent=NEAR_PERCENT, now=now):
            reached = limit.pk in full
            if not reached and limit.count < _PLACES_TO_BE_NEAR:
                continue
            fingerprint = f"{'limit' if reached else 'limit_near'}:{limit.name}"
            of_this = Alert.objects.filter(workspace_id=limit.workspace_id, fingerprint=fingerprint)
            in_this_window = Q(first_at__gt=now - timedelta(seconds=limit.period_seconds))
            if of_this.filter(Q(resolved_at=None) | in_this_window).exists():
                continue
            share = "All" if reached else f"{NEAR_PERCENT} % or more"
            raise_alert(
                workspace_id=limit.workspace_id,
                kind="limit_reached" if reached else "limit_near",
                fingerprint=fingerprint,
                title=f"The {_called(limit)} is {'' if reached else 'nearly '}reached",
                detail=f"{share} of its {limit.count} places in {limit.period_seconds} seconds are taken.",
            )
            raised += 1
    return raised


def _called(limit: Limit) -> str:
    account_id = account_id_of(limit)
    if account_id is None:
        return f"limit {limit.name}"
    return f"day's share in the warm-up of the account {ProviderAccount.objects.get(pk=account_id).name}"


def watch_audit() -> int:
    """Verify the newest blocks of every chain; an alert for the first fault, resolved once all is well again.

    Returns how many chains do not verify. The whole log is verified by `manage.py verify_audit`.
    """
    broken = 0
    workspaces = list(Workspace.objects.values_list("pk", flat=True))
    with all_workspaces("every chain is verified"):
        faults = verify_newest(workspace_ids=[None, *workspaces], blocks=_NEWEST_BLOCKS)
        known = Alert.objects.filter(kind="audit_broken", resolved_at=None)
        told: dict[str, set[UUID]] = defaultdict(set)
        for fingerprint, workspace_id in known.order_by().values_list("fingerprint", "workspace_id"):
            told[fingerprint].add(workspace_id)
        for chain in [None, *workspaces]:
            bad = faults.get(chain)
            fingerprint = f"audit:{chain or 'installation'}"
            if bad is not None:
                broken += 1
                # The installation's own chain is everybody's business.
                concerned: list[UUID] = [chain] if chain else workspaces
                raise_alerts(
                    workspace_ids=[one for one in concerned if one not in told[fingerprint]],
                    kind="audit_broken",
                    fingerprint=fingerprint,
                    title="The audit log does not verify",
                    detail=f"{bad}. Run manage.py verify_audit, and find out who wrote into the database.",
                )
            elif fingerprint in told:
                resolve(known.filter(fingerprint=fingerprint), why="The log verifies again.")
    return broken
