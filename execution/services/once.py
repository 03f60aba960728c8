"""Proposing a plan under an Idempotency-Key: the same key and body answer the same plan."""

from collections.abc import Sequence

from django.db import IntegrityError

from execution.models import ExecutionPlan, ExecutionRequest
from execution.services.idempotency import content_digest
from execution.services.propose import propose_plan
from execution.types import Proposal
from workspaces.actors import Actor
from workspaces.errors import Conflict
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def propose_plan_once(
    *, workspace: Workspace, actor: Actor, title: str, goal: str, items: Sequence[Proposal]
) -> tuple[ExecutionPlan, bool]:
    """Propose a plan whose items all carry keys, and say whether it is new.

    The keys are unique in the workspace, so of two calls at once one proposes and the other finds what it proposed.
    Raises Conflict where a key was used with other content, and what propose_plan raises.
    """
    earlier = _earlier(workspace=workspace, actor=actor, title=title, goal=goal, items=items)
    if earlier is not None:
        return earlier, False
    try:
        return propose_plan(workspace=workspace, actor=actor, title=title, goal=goal, items=items), True
    except IntegrityError:
        earlier = _earlier(workspace=workspace, actor=actor, title=title, goal=goal, items=items)
        if earlier is None:
            raise  # not about a key: an error of ours
        return earlier, False


def _earlier(
    *, workspace: Workspace, actor: Actor, title: str, goal: str, items: Sequence[Proposal]
) -> ExecutionPlan | None:
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    if not items:
        return None
    with workspace_scope(workspace):
        first = (
            ExecutionRequest.objects.select_related("plan")
            .filter(workspace=workspace, idempotency_key=items[0].idempotency_key)
            .first()
        )
        if first is None:
            return None
        plan = first.plan
        prefix = str(items[0].idempotency_key).rpartition("#")[0] + "#"
        digests = dict(
            ExecutionRequest.objects.filter(plan=plan, idempotency_key__startswith=prefix).values_list(
                "idempotency_key", "idempotency_digest"
            )
        )
    same = plan is not None and (plan.title, plan.goal, len(digests)) == (title.strip()[:200], goal, len(items))
    if not same or any(digests.get(str(i.idempotency_key)) != content_digest(proposal=i, actor=actor) for i in items):
        raise Conflict("This Idempotency-Key was used with another body. Use a new key for another plan.")
    return plan
