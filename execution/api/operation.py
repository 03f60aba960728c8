"""How the engine stands, and stopping it: status, preflight, holds, limits."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from execution import hold, release
from execution.api.bodies import HoldBody, LimitBody, LimitPatchBody
from execution.engine import heartbeat
from execution.engine.preflight import preflight
from execution.models import Limit
from execution.selectors import figures, limits_of, request_detail
from execution.services.limits import delete_limit, set_limit
from workspaces.api.shapes import Anything, PrincipalLabel, Shape
from workspaces.api.views import CURSOR, LIMIT, PatchView, WorkspaceView, page_of, problems
from workspaces.errors import NotFound
from workspaces.models import Mode


def schedule_in_words() -> str:
    """How often the poll comes round."""
    return f"Every {settings.EXECUTION_POLL_MINUTES} minutes"


class HoldShape(Shape):
    id = serializers.UUIDField()
    scope = serializers.CharField(source="address")
    reason = serializers.CharField()
    set_by = PrincipalLabel()
    set_at = serializers.DateTimeField()
    released_by = PrincipalLabel()
    released_at = serializers.DateTimeField(allow_null=True)
    release_reason = serializers.CharField()


class WorkerShape(Shape):
    id = serializers.UUIDField()
    role = serializers.CharField(help_text="drain: carries out requests just now; keeper: recovers, sweeps and seals.")
    host = serializers.CharField()
    pid = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    beat_at = serializers.DateTimeField()


class StatusShape(Shape):
    status = serializers.ChoiceField(["operational", "paused"])
    enabled = serializers.BooleanField(help_text="Whether what is due is carried out by itself.")
    dry_run = serializers.BooleanField()
    mode = serializers.ChoiceField(Mode.choices)
    schedule = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    oldest_due_seconds = serializers.FloatField(help_text="0 where nothing is due.")
    in_flight = serializers.IntegerField()
    holds = HoldShape(many=True)
    workers = WorkerShape(many=True)


class CheckShape(Shape):
    name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()


class PreflightShape(Shape):
    would_send = serializers.BooleanField()
    earliest = serializers.DateTimeField(allow_null=True)
    checks = CheckShape(many=True)
    cost = Anything()


class LimitShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    scope = serializers.CharField()
    count = serializers.IntegerField()
    period_seconds = serializers.IntegerField()


class StatusView(WorkspaceView):
    @extend_schema(operation_id="execution_status", responses={200: StatusShape, **problems()})
    def get(self, request: Request) -> Response:
        """How carrying out stands in this workspace."""
        now = figures(workspace=self.workspace)
        data = {
            "status": "paused" if now.is_paused else "operational",
            "enabled": now.is_enabled,
            "dry_run": now.mode == Mode.DRY_RUN,
            "mode": now.mode,
            "schedule": schedule_in_words(),
            "counts": now.counts,
            "oldest_due_seconds": now.oldest_due_seconds,
            "in_flight": now.in_flight,
            "holds": now.holds,
            "workers": [*(_as_worker(w, role="drain") for w in now.workers), *heartbeat.alive()],
        }
        return Response(self.shown(StatusShape, data))


class PreflightView(WorkspaceView):
    @extend_schema(operation_id="preflight", responses={200: PreflightShape, **problems(404)})
    def get(self, request: Request, request_id: UUID) -> Response:
        """Would it go now? The very checks that stand before the send."""
        found = request_detail(workspace=self.workspace, request_id=request_id)
        found.workspace = self.workspace
        return Response(self.shown(PreflightShape, preflight(request=found)))


class HoldView(WorkspaceView):
    @extend_schema(operation_id="hold", request=HoldBody, responses={200: HoldShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """Stop everything in a scope. Holding what is held already answers the hold there is."""
        given = self.body(HoldBody)
        held = hold(scope=given["scope"], reason=given.get("reason", ""), actor=self.actor, workspace=self.workspace)
        return Response(self.shown(HoldShape, held))


class ReleaseView(WorkspaceView):
    @extend_schema(operation_id="release", request=HoldBody, responses={200: HoldShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """Let go of a hold; a person only."""
        given = self.body(HoldBody)
        released = release(
            scope=given["scope"], reason=given.get("reason", ""), actor=self.actor, workspace=self.workspace
        )
        return Response(self.shown(HoldShape, released))


class LimitsView(WorkspaceView):
    @extend_schema(
        operation_id="list_limits", parameters=[LIMIT, CURSOR], responses={200: page_of(LimitShape), **problems()}
    )
    def get(self, request: Request) -> Response:
        """The limits, by name."""
        self.query()
        return self.page(limits_of(workspace=self.workspace), LimitShape, order=("name", "id"))

    @extend_schema(
        operation_id="set_limit", request=LimitBody, responses={201: LimitShape, 200: LimitShape, **problems()}
    )
    def post(self, request: Request) -> Response:
        """Make a limit (201), or set the one of this name (200)."""
        given = self.body(LimitBody)
        known = limits_of(workspace=self.workspace).filter(name=given["name"]).exists()
        limit = set_limit(workspace=self.workspace, actor=self.actor, **given)
        return self.made(self.shown(LimitShape, limit), at=limit.name, new=not known)


class LimitView(PatchView):
    """One limit, by its name or its id."""

    @extend_schema(operation_id="read_limit", responses={200: LimitShape, **problems(404)})
    def get(self, request: Request, name: str) -> Response:
        """One limit."""
        return Response(self.shown(LimitShape, self._limit(name)))

    @extend_schema(operation_id="change_limit", request=LimitPatchBody, responses={200: LimitShape, **problems(404)})
    def patch(self, request: Request, name: str) -> Response:
        """Change its count, period or scope."""
        given = self.body(LimitPatchBody, partial=True)
        limit = self._limit(name)
        limit = set_limit(
            workspace=self.workspace, actor=self.actor, name=limit.name, **{"count": limit.count, **given}
        )
        return Response(self.shown(LimitShape, limit))

    @extend_schema(operation_id="delete_limit", responses={204: None, **problems(404)})
    def delete(self, request: Request, name: str) -> Response:
        """Do away with it."""
        delete_limit(workspace=self.workspace, actor=self.actor, name=self._limit(name).name)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _limit(self, name: str) -> Limit:
        rows = limits_of(workspace=self.workspace)
        found = rows.filter(name=name).first() or (rows.filter(pk=as_id).first() if (as_id := _uuid(name)) else None)
        if found is None:
            raise NotFound("There is no such limit in this workspace.")
        return found


def _as_worker(row: Any, *, role: str) -> Any:
    row.role = role
    return row


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
