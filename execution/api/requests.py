"""Requests: proposed, read, edited, and what may be done with one."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from execution import propose
from execution.api.bodies import (
    NeededReasonBody,
    PatchBody,
    ProposalBody,
    RequestsQuery,
    ResolveBody,
    read_proposal,
)
from execution.api.headers import idempotency_key
from execution.api.shapes import RequestDetailShape, RequestShape
from execution.selectors import HistoryFilters, request_detail, with_relations
from execution.selectors.history import all_requests
from execution.services import lifecycle
from execution.services.editing import reseal
from execution.services.patching import patch_request
from workspaces.api.bodies import Body, ReasonBody
from workspaces.api.views import CURSOR, LIMIT, PatchView, WorkspaceView, page_of, problems

KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body answers the same thing again; another body 409.",
)


class _RequestView(WorkspaceView):
    """Answers with one request in full."""

    def detail(self, request_id: UUID) -> Any:
        return self.shown(RequestDetailShape, request_detail(workspace=self.workspace, request_id=request_id))


class RequestsView(_RequestView):
    """All requests, and the door for new ones."""

    @extend_schema(
        operation_id="list_requests",
        parameters=[RequestsQuery, LIMIT, CURSOR],
        responses={200: page_of(RequestShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Every request whatever its state, newest first."""
        rows = all_requests(workspace=self.workspace, filters=HistoryFilters(**self.query(RequestsQuery)))
        return self.page(with_relations(rows), RequestShape)

    @extend_schema(
        operation_id="propose",
        parameters=[KEY],
        request=ProposalBody,
        responses={(201, "application/json"): RequestDetailShape, 200: RequestDetailShape, **problems(404, 409)},
    )
    def post(self, request: Request) -> Response:
        """Propose one outward act."""
        key = idempotency_key(request)
        proposal = read_proposal(self.given, idempotency_key=key)
        made = propose(
            workspace=self.workspace,
            actor=self.actor,
            channel=proposal.channel,
            payload=proposal.payload,
            to=proposal.to,
            contact=proposal.contact,
            plan=self.given.get("plan"),
            priority=proposal.priority,
            scheduled_for=proposal.scheduled_for,
            expires_at=proposal.expires_at,
            account=proposal.account,
            metadata=dict(proposal.metadata),
            idempotency_key=key,
        )
        return self.made(self.detail(made.pk), at=made.pk, new=not made.was_known)


class RequestView(_RequestView, PatchView):
    """One request."""

    @extend_schema(operation_id="read_request", responses={200: RequestDetailShape, **problems(404)})
    def get(self, request: Request, request_id: UUID) -> Response:
        """The request with its gates, decisions, attempts and revisions."""
        return Response(self.detail(request_id))

    @extend_schema(
        operation_id="edit_request",
        request=PatchBody,
        responses={200: RequestDetailShape, **problems(404, 409)},
    )
    def patch(self, request: Request, request_id: UUID) -> Response:
        """Edit the payload or the schedule: a new revision, and its gates open again."""
        patch_request(workspace=self.workspace, actor=self.actor, request_id=request_id, **self.body(PatchBody))
        return Response(self.detail(request_id))


class CancelView(_RequestView):
    @extend_schema(
        operation_id="cancel_request", request=ReasonBody, responses={200: RequestDetailShape, **problems(404, 409)}
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Withdraw it: its author, its proposer or an approver."""
        lifecycle.cancel(workspace=self.workspace, actor=self.actor, request_id=request_id, **self.body(ReasonBody))
        return Response(self.detail(request_id))


class RunView(_RequestView):
    @extend_schema(operation_id="run_request", request=None, responses={200: RequestDetailShape, **problems(404, 409)})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Perform an approved one now, if every check allows it."""
        self.body(Body)
        lifecycle.run_now(workspace=self.workspace, actor=self.actor, request_id=request_id)
        return Response(self.detail(request_id))


class ResolveView(_RequestView):
    @extend_schema(
        operation_id="resolve_request", request=ResolveBody, responses={200: RequestDetailShape, **problems(404, 409)}
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Say of an uncertain one whether it was sent."""
        lifecycle.resolve(workspace=self.workspace, actor=self.actor, request_id=request_id, **self.body(ResolveBody))
        return Response(self.detail(request_id))


class RetryView(_RequestView):
    @extend_schema(
        operation_id="retry_request",
        request=NeededReasonBody,
        responses={200: RequestDetailShape, **problems(404, 409)},
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Send a failed one round again."""
        lifecycle.retry(
            workspace=self.workspace, actor=self.actor, request_id=request_id, **self.body(NeededReasonBody)
        )
        return Response(self.detail(request_id))


class UndoView(_RequestView):
    @extend_schema(operation_id="undo_request", request=None, responses={200: RequestDetailShape, **problems(404, 409)})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Take an approval back while its undo window runs."""
        self.body(Body)
        lifecycle.undo(workspace=self.workspace, actor=self.actor, request_id=request_id)
        return Response(self.detail(request_id))


class ResealView(_RequestView):
    @extend_schema(
        operation_id="reseal_request", request=None, responses={200: RequestDetailShape, **problems(404, 409)}
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Freeze the same words again under the present mode and account; its gates open again."""
        self.body(Body)
        reseal(workspace=self.workspace, actor=self.actor, request_id=request_id)
        return Response(self.detail(request_id))
