"""The dashboard: what waits, what is in flight, what happened today, what stands still and why."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef
from django.db.models.functions import TruncHour
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from config.console.shell import Shell, shell_of
from execution.admin.numbers import open_alerts
from execution.admin.request_page import Said, said
from execution.engine import heartbeat
from execution.models import ExecutionPlan, ExecutionRequest, GateState, RequestGate, Severity
from execution.selectors import oldest_due_seconds, pending, plan_progress
from execution.states import NO_OPERATOR, Status
from workspaces.admin.views import console_view, here, page
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.selectors import audit_entries, is_unattended

_ENDED = (Status.SUCCEEDED, Status.FAILED, Status.REJECTED, Status.REFUSED, Status.EXPIRED, Status.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits at one gate."""

    gate: str
    number: int
    oldest: datetime
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of today: how many were carried out, and how many ended otherwise. `height` is 0 to 100."""

    at: datetime
    good: int
    other: int
    height: int
    label: str


@console_view()
def dashboard(request: HttpRequest) -> HttpResponse:
    """One screen to start the day with."""
    workspace: Workspace = here(request).workspace
    actor = here(request).actor
    now = timezone.now()
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    ended = _ended_since(workspace=workspace, since=today)
    mine = pending(workspace=workspace, actor=actor, mine=True) if actor.may(Permission.DECIDE) else None
    first = mine.first() if mine is not None else None
    waiting = ExecutionRequest.objects.filter(plan=OuterRef("pk"), status=Status.PENDING)
    plans = list(ExecutionPlan.objects.filter(Exists(waiting), workspace=workspace).order_by("-id")[:5])
    progress = plan_progress(plans)
    alerts = open_alerts(workspace=workspace)
    return page(
        request,
        "console/dashboard.html",
        title="Dashboard",
        mine=len(mine.values_list("pk", flat=True)[:1_000]) if mine is not None else None,
        first=first,
        waits=_waits(workspace=workspace, now=now),
        ended=ended,
        ended_words=[(status.value, status.label, ended[status]) for status in _ENDED if status in ended],
        done_today=ended.get(Status.SUCCEEDED, 0),
        dry_today=ExecutionRequest.objects.filter(
            workspace=workspace, settled_at__gte=today, status=Status.SUCCEEDED, is_dry_run=True
        ).count(),
        hours=_hours(workspace=workspace, since=today),
        uncertain=_with_contacts(workspace, Status.UNCERTAIN)[:8],
        flying=_with_contacts(workspace, Status.DISPATCHING)[:8],
        failed=_with_contacts(workspace, Status.FAILED)[:5],
        next_due=_next_due(workspace),
        overdue=oldest_due_seconds(workspace=workspace, now=now),
        plans=[(plan, progress[plan.pk]) for plan in plans],
        alerts=list(alerts.order_by("-last_at")[:6]),
        critical=alerts.filter(severity=Severity.CRITICAL).exists(),
        keepers=len(heartbeat.alive()),
        unattended=_held_back(workspace) if is_unattended(workspace=workspace) else None,
        lately=_lately(workspace),
        pulse_every=1_000,
    )


def _with_contacts(workspace: Workspace, status: Status) -> Any:
    rows = ExecutionRequest.objects.filter(workspace=workspace, status=status).select_related("contact")
    return rows.defer("facts", "metadata").order_by("-id")


def _next_due(workspace: Workspace) -> Sequence[ExecutionRequest]:
    rows = ExecutionRequest.objects.filter(workspace=workspace, status=Status.APPROVED).select_related("contact")
    return list(rows.defer("facts", "metadata").order_by("due_at", "id")[:6])


def _held_back(workspace: Workspace) -> int:
    """How many wait for somebody who may decide to be seen."""
    rows = ExecutionRequest.objects.filter(workspace=workspace, status=Status.APPROVED, wait_reason=NO_OPERATOR)
    return rows.count()


def _waits(*, workspace: Workspace, now: datetime) -> list[Waiting]:
    rows = (
        RequestGate.objects.filter(workspace=workspace, state=GateState.OPEN, request__status=Status.PENDING)
        .order_by()
        .values_list("name")
        .annotate(number=Count("id"), oldest=Min("deadline"))
    )
    found = [Waiting(gate=name, number=number, oldest=oldest, is_late=oldest < now) for name, number, oldest in rows]
    return sorted(found, key=lambda one: one.oldest)


def _ended_since(*, workspace: Workspace, since: datetime) -> dict[str, int]:
    rows = ExecutionRequest.objects.filter(workspace=workspace, settled_at__gte=since, status__in=_ENDED).order_by()
    return dict(rows.values_list("status").annotate(number=Count("id")))


def _hours(*, workspace: Workspace, since: datetime) -> list[Hour]:
    rows = (
        ExecutionRequest.objects.filter(workspace=workspace, settled_at__gte=since)
        .order_by()
        .values_list(TruncHour("settled_at"), "status")
        .annotate(number=Count("id"))
    )
    good: dict[datetime, int] = {}
    other: dict[datetime, int] = {}
    for at, status, number in rows:
        bucket = good if status == Status.SUCCEEDED else other
        bucket[timezone.localtime(at)] = bucket.get(timezone.localtime(at), 0) + number
    most = max([good.get(at, 0) + other.get(at, 0) for at in {*good, *other}], default=0)
    hours = []
    for hour in range(24):
        at = since + timedelta(hours=hour)
        number = good.get(at, 0) + other.get(at, 0)
        height = round(100 * number / most) if most else 0
        label = f"{at:%H:%M}: {good.get(at, 0)} carried out, {other.get(at, 0)} ended otherwise"
        hours.append(Hour(at=at, good=good.get(at, 0), other=other.get(at, 0), height=height, label=label))
    return hours


def _lately(workspace: Workspace) -> list[Said]:
    return [said(entry) for entry in audit_entries(workspace=workspace)[:12]]


@console_view()
def pulse(request: HttpRequest) -> HttpResponseBase:
    """The numbers every page shows, as JSON; 304 while they are the same. Polled while a page is looked at."""
    shell = shell_of(request)
    assert shell is not None  # console_view lets nobody in without a workspace
    facts = {
        **shell.numbers.as_dict(),
        "unread": shell.unread,
        "mode": shell.mode.value,
        "held": [str(hold.pk) for hold in shell.holds],
    }
    tag = f'"{sha256(json.dumps(facts).encode()).hexdigest()[:24]}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        body = {**facts, "holds_html": _holds_html(request, shell)}
        response = HttpResponse(json.dumps(body), content_type="application/json")
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


def _holds_html(request: HttpRequest, shell: Shell) -> str:
    """The strip of holds, whose release forms come back to where the reader is, not to this address."""
    return render_to_string(
        "console/_holds.html",
        {"shell": shell, "back": request.GET.get("from", reverse("admin:index"))},
        request=request,
    )
