"""One request with everything that is shown of it, and the same for a page of them, in a fixed number of queries."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from execution.models import Attempt, Decision, ExecutionRequest, GateState, RequestGate, Revision
from execution.selectors.retention import not_here
from workspaces.models import Workspace


def with_relations(requests: QuerySet[ExecutionRequest]) -> QuerySet[ExecutionRequest]:
    """Load what the form of a request shows: gates with their decisions, attempts, who and to whom."""
    decisions = Decision.objects.select_related("principal").order_by("at")
    gates = (
        RequestGate.objects.exclude(state=GateState.SUPERSEDED)
        .order_by("opened_at", "name")
        .prefetch_related(Prefetch("decisions", queryset=decisions))
    )
    attempts = Attempt.objects.select_related("resolved_by").order_by("number")
    return requests.select_related("current__author", "proposed_by", "contact").prefetch_related(
        Prefetch("gates", queryset=gates), Prefetch("attempts", queryset=attempts)
    )


def request_detail(*, workspace: Workspace, request_id: UUID | str) -> ExecutionRequest:
    """The request with its relations, and its revisions with their authors. Raises NotFound."""
    revisions = Revision.objects.select_related("author").order_by("number")
    found = (
        with_relations(ExecutionRequest.objects.filter(workspace=workspace, pk=request_id))
        .prefetch_related(Prefetch("revisions", queryset=revisions))
        .first()
    )
    if found is None:
        raise not_here(workspace=workspace, what="request", object_id=UUID(str(request_id)))
    return found
