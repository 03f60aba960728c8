"""Alive, ready, and figures for a monitor. None of them changes anything."""

import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ

from execution.engine import heartbeat
from execution.models import Alert, ExecutionRequest, Hold, Worker
from execution.states import Status
from workspaces.clock import database_now
from workspaces.models import AuditBlock, AuditEntry
from workspaces.scope import all_workspaces

_migrated = False
_KEPT_SECONDS = 5


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers. Asks nothing else, so that a database away does not restart the web."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: the database answers, its migrations are applied and a cluster beats. 503 says which is not so."""
    checks = {"database": "ok", "migrations": "ok", "cluster": "ok"}
    try:
        if not _is_migrated():
            checks["migrations"] = "Some are not applied. Run manage.py migrate."
            checks["cluster"] = "unknown"
        elif not heartbeat.alive().exists():
            checks["cluster"] = "No cluster has beaten for 30 seconds. Start manage.py up, or manage.py cluster."
    except DatabaseError:
        checks = {"database": "It does not answer.", "migrations": "unknown", "cluster": "unknown"}
    ready = set(checks.values()) == {"ok"}
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503)


def _is_migrated() -> bool:
    """Whether every migration of this code is applied; once it is, it stays so for this process."""
    global _migrated
    if _migrated:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    executor = MigrationExecutor(connection)
    _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for this machine or for whoever has CRON_SECRET as a bearer token."""
    if not (_is_local(request) or _has_secret(request)):
        return HttpResponse(
            "Send CRON_SECRET as a bearer token, or ask from the machine itself.\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": 'Bearer realm="Countersign metrics"'},
        )
    # Several monitors, or one in a hurry, must not make the database count all day.
    text = cache.get_or_set("metrics", lambda: "".join(_lines()), _KEPT_SECONDS)
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_local(request: HttpRequest) -> bool:
    # What a proxy on this machine passes on comes from elsewhere.
    forwarded = any(f"HTTP_{name}" in request.META for name in ("FORWARDED", "X_FORWARDED_FOR", "X_REAL_IP"))
    return not forwarded and request.META.get("REMOTE_ADDR", "") in ("127.0.0.1", "::1")


def _has_secret(request: HttpRequest) -> bool:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return (
        bool(settings.CRON_SECRET) and scheme.lower() == "bearer" and same_secret(secret.strip(), settings.CRON_SECRET)
    )


def same_secret(given: str, wanted: str) -> bool:
    """Compare two secrets in a time that tells nothing of how much of them is alike."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _lines() -> Iterator[str]:
    with all_workspaces("figures of the whole installation"):
        rows = ExecutionRequest.objects.order_by().values_list("channel", "status").annotate(Count("id"))
        yield from _metric(
            "requests",
            "Execution requests by channel and status.",
            [({"channel": channel, "status": status}, number) for channel, status, number in rows],
        )
        now = database_now()
        due = ExecutionRequest.objects.filter(status=Status.APPROVED, due_at__lte=now).aggregate(oldest=Min("due_at"))
        late = (now - due["oldest"]).total_seconds() if due["oldest"] else 0
        yield from _metric("oldest_due_seconds", "How long the oldest due request has been due.", [({}, late)])
        flying = ExecutionRequest.objects.filter(status=Status.DISPATCHING).count()
        yield from _metric("in_flight", "Requests being carried out.", [({}, flying)])
        alerts = Alert.objects.filter(resolved_at=None, acknowledged_at=None)
        by_severity = alerts.order_by().values_list("severity").annotate(Count("id"))
        yield from _metric("open_alerts", "Alerts nobody has seen.", [({"severity": s}, n) for s, n in by_severity])
    held = Hold.objects.filter(released_at=None).order_by().values_list("scope").annotate(Count("id"))
    yield from _metric("holds", "Holds in force by scope.", [({"scope": scope}, number) for scope, number in held])
    drains = Worker.objects.filter(ended_at=None, lease_until__gt=now).count()
    yield from _metric("drains", "Processes carrying out requests just now.", [({}, drains)])
    yield from _metric("keepers", "Clusters whose keeper beats.", [({}, heartbeat.alive(role="keeper").count())])
    yield from _metric("queued_tasks", "Tasks in the queue's table.", [({}, OrmQ.objects.count())])
    yield from _metric("audit_blocks", "Sealed blocks of the audit log.", [({}, AuditBlock.objects.count())], "counter")
    newest = AuditEntry.objects.order_by("-id").values_list("at", flat=True).first()
    yield from _metric(
        "audit_newest_timestamp_seconds", "When the newest audit entry was written.", [({}, _epoch(newest))]
    )
    yield from _metric("up", "The database answers.", [({}, 1)])


def _epoch(at: Any) -> float:
    return at.timestamp() if at else 0


def _metric(name: str, meaning: str, samples: list[tuple[dict[str, str], float]], kind: str = "gauge") -> Iterator[str]:
    name = f"countersign_{name}" + ("_total" if kind == "counter" else "")
    yield f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{{{shown}}} {value}\n" if shown else f"{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
