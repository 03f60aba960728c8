"""Deciding, and the lists a decider works from: what waits, and what is settled."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from execution.api.bodies import ApproveBody, ChangesBody, HistoryQuery, PendingQuery, RejectBody
from execution.api.shapes import PendingShape, RequestDetailShape, RequestShape
from execution.selectors import HistoryFilters, PendingFilters, history, pending, request_detail, with_relations
from execution.services import decisions
from workspaces.api.views import CURSOR, LIMIT, WorkspaceView, page_of, problems


class _DecisionView(WorkspaceView):
    def answer(self, request_id: UUID) -> Response:
        return Response(self.shown(RequestDetailShape, request_detail(workspace=self.workspace, request_id=request_id)))

    def read(self, shape: Any) -> dict[str, Any]:
        given = self.body(shape)
        return {"workspace": self.workspace, "actor": self.actor, "request_id": given.pop("execution_id"), **given}


class ApproveView(_DecisionView):
    @extend_schema(
        operation_id="approve", request=ApproveBody, responses={200: RequestDetailShape, **problems(404, 409)}
    )
    def post(self, request: Request) -> Response:
        """Approve what the digest stands for. A stale one answers 409 with current_digest and diff."""
        return self.answer(decisions.approve(**self.read(ApproveBody)).pk)


class RejectView(_DecisionView):
    @extend_schema(operation_id="reject", request=RejectBody, responses={200: RequestDetailShape, **problems(404, 409)})
    def post(self, request: Request) -> Response:
        """Reject for good."""
        return self.answer(decisions.reject(**self.read(RejectBody)).pk)


class RequestChangesView(_DecisionView):
    @extend_schema(
        operation_id="request_changes", request=ChangesBody, responses={200: RequestDetailShape, **problems(404, 409)}
    )
    def post(self, request: Request) -> Response:
        """Send it back to its author, saying what should change."""
        return self.answer(decisions.request_changes(**self.read(ChangesBody)).pk)


class PendingView(WorkspaceView):
    @extend_schema(
        operation_id="list_pending",
        parameters=[PendingQuery, LIMIT, CURSOR],
        responses={200: page_of(PendingShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """What waits for a decision, oldest deadline first."""
        wanted = self.query(PendingQuery)
        scope = wanted.pop("scope", "mine" if self.actor.is_person else "all")
        rows = pending(
            workspace=self.workspace, actor=self.actor, mine=scope == "mine", filters=PendingFilters(**wanted)
        )
        return self.page(with_relations(rows), PendingShape, order=("deadline", "id"))


class HistoryView(WorkspaceView):
    @extend_schema(
        operation_id="list_history",
        parameters=[HistoryQuery, LIMIT, CURSOR],
        responses={200: page_of(RequestShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Settled requests, newest first."""
        rows = history(workspace=self.workspace, filters=HistoryFilters(**self.query(HistoryQuery)))
        return self.page(with_relations(rows), RequestShape, order=("-settled_at", "-id"))
