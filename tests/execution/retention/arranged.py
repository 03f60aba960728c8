"""What is over for years, ready to be cleared."""

from datetime import timedelta
from typing import Any

from execution.models import ExecutionPlan, ExecutionRequest
from execution.services import decisions
from execution.services.once import propose_plan_once
from execution.types import Proposal
from tests.builders import Cast
from tests.execution.arranged import PAYLOAD, propose_email

YEARS = timedelta(days=800).total_seconds()  # longer than a workspace keeps by itself
ATTACHMENT = {"filename": "plan.txt", "content_type": "text/plain", "content_base64": "dGhlIHBsYW4="}
WITH_ATTACHMENT = {**PAYLOAD, "attachments": [ATTACHMENT]}


def rejected(cast: Cast, **more: Any) -> ExecutionRequest:
    """A mail that Rosa rejected."""
    request = propose_email(cast, **more)
    return decisions.reject(
        workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest, reason="No."
    )


def left(cast: Cast) -> set[Any]:
    with cast.scope():
        return set(ExecutionRequest.objects.values_list("pk", flat=True))


def plan_of_two(cast: Cast) -> tuple[ExecutionPlan, list[ExecutionRequest]]:
    items = [
        Proposal(channel="email", contact=contact.pk, payload=PAYLOAD, idempotency_key=f"both#{place}")
        for place, contact in enumerate((cast.alice, cast.bob))
    ]
    plan, _ = propose_plan_once(workspace=cast.workspace, actor=cast.ada, title="Both", goal="", items=items)
    with cast.scope():
        return plan, list(plan.requests.order_by("id"))
