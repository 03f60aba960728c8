"""Plans: proposed together, read with their progress, decided together."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from execution import propose_plan
from execution.api.bodies import NeededReasonBody, PlanBody, PlanDecisionBody, read_plan
from execution.api.headers import idempotency_key
from execution.api.requests import KEY
from execution.api.shapes import PlanDetailShape, PlanShape
from execution.models import ExecutionPlan, Verdict
from execution.selectors import not_here, plan_canary, plan_progress
from execution.services.canaries import go_on
from execution.services.decisions import decide_plan, plan_digest
from execution.services.once import propose_plan_once
from workspaces.api.shapes import Shape
from workspaces.api.views import CURSOR, LIMIT, WorkspaceView, page_of, problems


class SkippedShape(Shape):
    id = serializers.UUIDField()
    why = serializers.CharField()


class PlanDecisionShape(Shape):
    decided = serializers.IntegerField()
    skipped = SkippedShape(many=True)


class _PlanView(WorkspaceView):
    def detail(self, plan_id: UUID) -> Any:
        plan = (
            ExecutionPlan.objects.select_related("proposed_by", "workspace")
            .filter(workspace=self.workspace, pk=plan_id)
            .first()
        )
        if plan is None:
            raise not_here(workspace=self.workspace, what="plan", object_id=plan_id)
        with_progress([plan])
        plan.digest = plan_digest(plan=plan)  # type: ignore[attr-defined]
        plan.canary = plan_canary(plan)  # type: ignore[attr-defined]
        return self.shown(PlanDetailShape, plan)


class PlansView(_PlanView):
    @extend_schema(
        operation_id="list_plans", parameters=[LIMIT, CURSOR], responses={200: page_of(PlanShape), **problems()}
    )
    def get(self, request: Request) -> Response:
        """The plans, newest first."""
        self.query()
        rows = ExecutionPlan.objects.select_related("proposed_by").filter(workspace=self.workspace)
        return self.page(rows, PlanShape, ready=with_progress)

    @extend_schema(
        operation_id="propose_plan",
        parameters=[KEY],
        request=PlanBody,
        responses={201: PlanDetailShape, 200: PlanDetailShape, **problems(404, 409, 413)},
    )
    def post(self, request: Request) -> Response:
        """Propose up to 10,000 acts; all or nothing, with the errors under the place of each."""
        key = idempotency_key(request)
        title, goal, items = read_plan(self.given, idempotency_key=key)
        given: dict[str, Any] = {"title": title, "goal": goal, "items": items}
        given |= {"workspace": self.workspace, "actor": self.actor}
        plan, new = propose_plan_once(**given) if key else (propose_plan(**given), True)
        return self.made(self.detail(plan.pk), at=plan.pk, new=new)


class PlanView(_PlanView):
    @extend_schema(operation_id="read_plan", responses={200: PlanDetailShape, **problems(404)})
    def get(self, request: Request, plan_id: UUID) -> Response:
        """The plan with its digest, its counts by status and how far it is."""
        return Response(self.detail(plan_id))


class _PlanDecisionView(WorkspaceView):
    verdict: Verdict

    def decide(self, plan_id: UUID) -> Response:
        decision = decide_plan(
            workspace=self.workspace,
            actor=self.actor,
            plan_id=plan_id,
            verdict=self.verdict,
            **self.body(PlanDecisionBody),
        )
        return Response(self.shown(PlanDecisionShape, decision))


class PlanApproveView(_PlanDecisionView):
    verdict = Verdict.APPROVE

    @extend_schema(
        operation_id="approve_plan",
        request=PlanDecisionBody,
        responses={200: PlanDecisionShape, **problems(404, 409)},
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """One decision for each of its requests; what cannot be decided is skipped, and why."""
        return self.decide(plan_id)


class PlanRejectView(_PlanDecisionView):
    verdict = Verdict.REJECT

    @extend_schema(
        operation_id="reject_plan",
        request=PlanDecisionBody,
        responses={200: PlanDecisionShape, **problems(404, 409)},
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Reject each of its requests that waits."""
        return self.decide(plan_id)


class PlanContinueView(_PlanView):
    @extend_schema(
        operation_id="continue_plan",
        request=NeededReasonBody,
        responses={200: PlanDetailShape, **problems(404, 409)},
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Let the rest of a large plan go before its first requests were watched to the end; a person's act."""
        go_on(workspace=self.workspace, actor=self.actor, plan_id=plan_id, **self.body(NeededReasonBody))
        return Response(self.detail(plan_id))


def with_progress(plans: Iterable[ExecutionPlan]) -> None:
    """Put each plan's progress on it, in one query for all."""
    plans = list(plans)
    progress = plan_progress(plans)
    for plan in plans:
        plan.progress = progress[plan.pk]  # type: ignore[attr-defined]
