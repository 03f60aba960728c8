"""The kinds that this app raises, each with how it is seen that its cause is gone."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from execution.alerts import unanswered
from execution.alerts.kinds import PAUSED, Kind, register
from execution.alerts.silence import is_silent
from execution.engine.limits import filled
from execution.models import (
    AccountState,
    Alert,
    AlertDelivery,
    DeliveryState,
    ExecutionRequest,
    Hold,
    HoldScope,
    ProviderAccount,
    Severity,
)
from execution.states import Status
from workspaces.clock import database_now
from workspaces.installation import is_restored
from workspaces.models import Workspace
from workspaces.selectors import is_unattended
from workspaces.settings_store import paused_workspaces

Alerts = QuerySet[Any]
NEWS = timedelta(hours=24)  # how long mere news stays open
NEAR_PERCENT = 90  # from here on a limit is nearly reached


def _once_request_left(*states: Status) -> Callable[[Alerts], Alerts]:
    """Over when the alert's request stands in none of `states` any more."""

    def over(alerts: Alerts) -> Alerts:
        still = ExecutionRequest.objects.filter(pk=OuterRef("request_id"), status__in=states)
        return alerts.filter(~Exists(still), request_id__isnull=False)

    return over


def _unreadable(alerts: Alerts) -> Alerts:
    still = ExecutionRequest.objects.filter(
        pk=OuterRef("request_id"), status=Status.APPROVED, wait_reason__in=["unreadable"]
    )
    return alerts.filter(~Exists(still), request_id__isnull=False)


def _no_wait(prefix: str, reason: Callable[[str], str]) -> Callable[[Alerts], Alerts]:
    """Over when nothing approved waits for the reason that the fingerprint names (after `prefix`)."""

    def over(alerts: Alerts) -> Alerts:
        gone = []
        for pk, workspace_id, fingerprint in alerts.values_list("pk", "workspace_id", "fingerprint"):
            waits = ExecutionRequest.objects.filter(workspace_id=workspace_id, status=Status.APPROVED)
            if not waits.filter(wait_reason=reason(fingerprint.removeprefix(prefix))).exists():
                gone.append(pk)
        return alerts.filter(pk__in=gone)

    return over


def _has_room(percent: int, prefix: str) -> Callable[[Alerts], Alerts]:
    """Over when fewer than `percent` of the places are taken in the window of the limit that the fingerprint names."""

    def over(alerts: Alerts) -> Alerts:
        still = {(limit.workspace_id, prefix + limit.name) for limit in filled(percent=percent, now=database_now())}
        named = alerts.values_list("pk", "workspace_id", "fingerprint")
        return alerts.filter(pk__in=[pk for pk, *limit in named if tuple(limit) not in still])

    return over


def _limit_free(alerts: Alerts) -> Alerts:
    nothing_waits = _no_wait("limit:", lambda name: f"limit:{name.partition(':')[0]}")
    return _has_room(100, "limit:")(nothing_waits(alerts))


def _account_runs(alerts: Alerts) -> Alerts:
    """The account named by the fingerprint is active again; the default account's hold is released."""
    gone = []
    for pk, workspace_id, fingerprint in alerts.values_list("pk", "workspace_id", "fingerprint"):
        key = fingerprint.partition(":")[2]
        if key == "default":
            held = Hold.objects.filter(
                workspace_id=workspace_id, scope=HoldScope.ACCOUNT, key=key, released_at=None
            ).exists()
        else:
            held = ProviderAccount.objects.filter(pk=key, state=AccountState.STOPPED).exists()
        if not held:
            gone.append(pk)
    return alerts.filter(pk__in=gone)


def _hold_released(alerts: Alerts) -> Alerts:
    held = {f"hold:{pk}" for pk in Hold.objects.filter(released_at=None).values_list("pk", flat=True)}
    on = paused_workspaces()
    gone = []
    for pk, workspace_id, fingerprint in alerts.values_list("pk", "workspace_id", "fingerprint"):
        still = bool(on & {None, workspace_id}) if fingerprint == PAUSED else fingerprint in held
        if not still:
            gone.append(pk)
    return alerts.filter(pk__in=gone)


def _beats_again(alerts: Alerts) -> Alerts:
    workspaces: Collection[UUID] = set(alerts.order_by().values_list("workspace_id", flat=True).distinct())
    well = [workspace_id for workspace_id in workspaces if not is_silent(workspace_id=workspace_id)]
    return alerts.filter(workspace_id__in=well)


def _delivers_again(alerts: Alerts) -> Alerts:
    gone = [
        alert.pk
        for alert in alerts
        if AlertDelivery.objects.filter(
            workspace_id=alert.workspace_id,
            target=alert.fingerprint.partition(":")[2],
            state=DeliveryState.SENT,
            sent_at__gt=alert.last_at,
        ).exists()
    ]
    return Alert.objects.filter(pk__in=gone)


def _attended(alerts: Alerts) -> Alerts:
    concerned = Workspace.objects.filter(pk__in=alerts.order_by().values_list("workspace_id", flat=True))
    return alerts.filter(workspace__in=[one for one in concerned if not is_unattended(workspace=one)])


def _resumed(alerts: Alerts) -> Alerts:
    return alerts.none() if is_restored() else alerts


register(
    [
        Kind(
            name="uncertain",
            severity=Severity.CRITICAL,
            meaning="A call was broken off and nobody can know whether it happened. Look it up, then settle it.",
            ends="A person settles the request.",
            over=_once_request_left(Status.UNCERTAIN),
        ),
        Kind(
            name="request_failed",
            severity=Severity.WARNING,
            meaning="A request failed for good. Mend the cause and retry it, or leave it.",
            ends="The request is retried.",
            over=_once_request_left(Status.FAILED),
        ),
        Kind(
            name="approval_void",
            severity=Severity.WARNING,
            meaning="What was approved does not hold any more; nothing was sent. Decide again.",
            ends="The request is decided again.",
            over=_once_request_left(Status.PENDING, Status.NEEDS_CHANGES),
        ),
        Kind(
            name=unanswered.KIND,
            severity=Severity.WARNING,
            meaning="Requests wait at a gate for longer than it allows. Decide in the queue, before they expire.",
            ends="Nothing waits at the gate for longer than it allows.",
            over=unanswered.answered,
            named=unanswered.named_by,
        ),
        Kind(
            name="unreadable",
            severity=Severity.CRITICAL,
            meaning="An approved request cannot be read; nothing was sent. Withdraw it and propose it anew.",
            ends="The request is withdrawn or readable again.",
            over=_unreadable,
        ),
        Kind(
            name="seal_mismatch",
            severity=Severity.CRITICAL,
            meaning="Somebody changed a request behind Countersign. Find out who wrote into the database.",
            ends="Only a person ends it.",
        ),
        Kind(
            name="audit_broken",
            severity=Severity.CRITICAL,
            meaning="The audit log does not stand as it was written. Run manage.py verify_audit and look at the entry.",
            ends="The log verifies again.",
        ),
        Kind(
            name="restored",
            severity=Severity.CRITICAL,
            meaning="This database is a copy or was restored, so nothing is sent. See what waits, then resume.",
            ends="An operator resumes.",
            over=_resumed,
        ),
        Kind(
            name="account_stopped",
            severity=Severity.CRITICAL,
            meaning="A provider account was stopped; what it would send waits. Read why, mend it, resume it.",
            ends="A person resumes the account, or releases its hold.",
            over=_account_runs,
        ),
        Kind(
            name="error_burst",
            severity=Severity.CRITICAL,
            meaning="Too many calls failed in a row, so the machine set a hold. Find the cause, then release it.",
            ends="A person releases the hold.",
            over=_hold_released,
        ),
        Kind(
            name="canary_stopped",
            severity=Severity.CRITICAL,
            meaning="What went first of a large plan fared badly; the rest is held. Look, then release or withdraw it.",
            ends="A person releases the hold.",
            over=_hold_released,
        ),
        Kind(
            name="hold_set",
            severity=Severity.WARNING,
            meaning="Somebody or the machine set a hold: what is in its scope waits until a person releases it.",
            ends="The hold is released.",
            over=_hold_released,
        ),
        Kind(
            name="hold_released",
            severity=Severity.INFO,
            meaning="A person released a hold; what waited for it goes on.",
            ends="By itself after 24 hours.",
            lasts=NEWS,
        ),
        Kind(
            name="cluster_silent",
            severity=Severity.CRITICAL,
            meaning="Work is due and nobody carries it out. See that manage.py cluster runs and reaches the database.",
            ends="A cluster carries out what is due again.",
            over=_beats_again,
        ),
        Kind(
            name="limit_near",
            severity=Severity.WARNING,
            meaning=f"{NEAR_PERCENT} % of a limit's places are taken. See what is still to go, or raise the limit.",
            ends=f"Fewer than {NEAR_PERCENT} % of its places are taken.",
            over=_has_room(NEAR_PERCENT, "limit_near:"),
        ),
        Kind(
            name="limit_reached",
            severity=Severity.WARNING,
            meaning="A limit is reached; what comes under it waits for the window.",
            ends="The limit has room again, and nothing waits for it.",
            over=_limit_free,
        ),
        Kind(
            name="stale",
            severity=Severity.WARNING,
            meaning="Requests were due long ago and do not go by themselves. Release or withdraw them.",
            ends="Nothing waits as stale any more.",
            over=_no_wait("stale", lambda _: "stale"),
        ),
        Kind(
            name="no_operator",
            severity=Severity.WARNING,
            meaning="Nobody who may decide was seen for long, so what runs alone waits. Open the console, look round.",
            ends="Somebody who may decide is seen.",
            over=_attended,
        ),
        Kind(
            name="complaint",
            severity=Severity.CRITICAL,
            meaning="A recipient complained. Look at what was sent to them, and why.",
            ends="Only a person ends it.",
        ),
        Kind(
            name="alert_undelivered",
            severity=Severity.WARNING,
            meaning="An alert could not be delivered by one of its ways out. Correct that route.",
            ends="The route delivers again.",
            over=_delivers_again,
        ),
    ]
)
