"""Figures of a workspace: what was proposed, decided and done, and what the models cost."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Sum
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.bodies import MetricsQuery
from campaigns.models import AgentRun, LlmCall, Task
from contacts.models import Contact, Suppression, TimelineEvent
from execution.models import Decision, ExecutionRequest, GateState, RequestGate
from execution.selectors import counts_by_status, in_flight, oldest_due_seconds
from workspaces.api.shapes import Shape
from workspaces.api.views import WorkspaceView, problems
from workspaces.clock import database_now
from workspaces.models import Workspace


class RequestFiguresShape(Shape):
    by_status = serializers.DictField(child=serializers.IntegerField())
    in_flight = serializers.IntegerField()
    oldest_due_seconds = serializers.FloatField()
    proposed = serializers.IntegerField(help_text="Since then.")
    settled = serializers.DictField(child=serializers.IntegerField(), help_text="Since then, by status.")
    dry_run = serializers.IntegerField(help_text="Of those done since then, only as a dry run.")


class ApprovalFiguresShape(Shape):
    waiting = serializers.IntegerField()
    overdue = serializers.IntegerField(help_text="Waiting past the deadline of their gate.")
    decisions = serializers.DictField(child=serializers.IntegerField(), help_text="Since then, by verdict.")


class ContactFiguresShape(Shape):
    total = serializers.IntegerField()
    contacted = serializers.IntegerField(help_text="Since then.")
    suppressions = serializers.IntegerField(help_text="In force.")


class ModelFiguresShape(Shape):
    calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_usd = serializers.FloatField()


class MetricsShape(Shape):
    since = serializers.DateTimeField()
    requests = RequestFiguresShape()
    approvals = ApprovalFiguresShape()
    tasks = serializers.DictField(child=serializers.IntegerField(), help_text="By status.")
    runs = serializers.DictField(child=serializers.IntegerField(), help_text="Since then, by status.")
    contacts = ContactFiguresShape()
    models = ModelFiguresShape(help_text="Calls to language models since then.")


class MetricsView(WorkspaceView):
    @extend_schema(operation_id="metrics", parameters=[MetricsQuery], responses={200: MetricsShape, **problems()})
    def get(self, request: Request) -> Response:
        """Figures of this workspace, of now and of the last `hours` (24 if not given)."""
        hours = self.query(MetricsQuery)["hours"]
        return Response(self.shown(MetricsShape, _figures(workspace=self.workspace, hours=hours)))


def _figures(*, workspace: Workspace, hours: int) -> dict[str, Any]:
    now = database_now()
    since = now - timedelta(hours=hours)
    requests = ExecutionRequest.objects.filter(workspace=workspace)
    waiting = RequestGate.objects.filter(workspace=workspace, state=GateState.OPEN)
    calls = LlmCall.objects.filter(workspace=workspace, at__gte=since).aggregate(
        calls=Count("id"), input=Sum("input_tokens"), output=Sum("output_tokens"), cost=Sum("cost_micros")
    )
    contacts = Contact.objects.filter(workspace=workspace, is_erased=False)
    touched = TimelineEvent.objects.filter(
        workspace=workspace, at__gte=since, kind="contacted", is_dry_run=False, contact__is_erased=False
    )
    counts = counts_by_status(workspace=workspace)
    return {
        "since": since,
        "requests": {
            "by_status": counts,
            "in_flight": in_flight(workspace=workspace),
            "oldest_due_seconds": oldest_due_seconds(workspace=workspace, now=now),
            "proposed": requests.filter(created_at__gte=since).count(),
            "settled": _by(requests.filter(settled_at__gte=since), "status"),
            "dry_run": requests.filter(settled_at__gte=since, is_dry_run=True).count(),
        },
        "approvals": {
            "waiting": counts["pending"],
            "overdue": waiting.filter(deadline__lt=now).values("request").distinct().count(),
            "decisions": _by(Decision.objects.filter(workspace=workspace, at__gte=since), "verdict"),
        },
        "tasks": _by(Task.objects.filter(workspace=workspace), "status"),
        "runs": _by(AgentRun.objects.filter(workspace=workspace, created_at__gte=since), "status"),
        "contacts": {
            "total": contacts.count(),
            "contacted": touched.values("contact").distinct().count(),
            "suppressions": Suppression.objects.filter(workspace=workspace, lifted_at=None).count(),
        },
        "models": {
            "calls": calls["calls"],
            "input_tokens": calls["input"] or 0,
            "output_tokens": calls["output"] or 0,
            "cost_usd": (calls["cost"] or 0) / 1_000_000,
        },
    }


def _by(rows: Any, column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(Count("id")))
