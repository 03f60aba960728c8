"""Idempotency-Keys: what one stands for, and the ones whose requests retention cleared, which are spent for good."""

from collections.abc import Iterable
from uuid import UUID

from execution.models import ExecutionPlan, ExecutionRequest, SpentKey
from execution.types import Proposal
from workspaces.actors import Actor
from workspaces.bulk import insert_objects
from workspaces.canonical import digest_of, sha256_hex
from workspaces.clock import database_now
from workspaces.errors import Conflict
from workspaces.models import Workspace


def content_digest(*, proposal: Proposal, actor: Actor, plan_id: UUID | None = None) -> str:
    """What an idempotency key stands for: everything the proposer chose, the plan it was added to included."""
    return digest_of(
        {
            **({"plan": str(plan_id)} if plan_id else {}),
            "by": str(actor.principal_id),
            "channel": proposal.channel,
            "payload": proposal.payload,
            "to": proposal.to,
            "contact": str(proposal.contact) if proposal.contact else None,
            "priority": proposal.priority,
            "scheduled_for": str(proposal.scheduled_for),
            "expires_at": str(proposal.expires_at),
            "account": str(proposal.account) if proposal.account else None,
            "metadata": dict(proposal.metadata),
        }
    )


def earlier(
    *, workspace: Workspace, proposal: Proposal, actor: Actor, plan: ExecutionPlan | None
) -> ExecutionRequest | None:
    """The request that this key already stands for, if any. Raises Conflict where it was used with another body."""
    found = (
        ExecutionRequest.objects.select_related("current")
        .filter(workspace=workspace, idempotency_key=proposal.idempotency_key)
        .first()
    )
    if found is None:
        return None
    try:
        same = found.idempotency_digest == content_digest(
            proposal=proposal, actor=actor, plan_id=plan.pk if plan else None
        )
    except (TypeError, ValueError):
        same = False
    if not same:
        raise Conflict("This Idempotency-Key was used with another body. Use a new key for another request.")
    found.was_known = True
    return found


def spend(*, workspace: Workspace, keys: Iterable[str]) -> None:
    """Remember keys, as hashes, in the transaction that deletes their requests. Inside the scope."""
    now = database_now()
    insert_objects(
        (SpentKey(workspace=workspace, key_hash=_hash(key), spent_at=now) for key in keys), ignore_conflicts=True
    )


def refuse_spent(*, workspace: Workspace, keys: Iterable[str | None]) -> None:
    """Raise Conflict where one of these keys was used by a request that is cleared. Inside the scope.

    Asked after the look for the request itself: the same commit deletes that one and makes its key spent.
    """
    hashes = [_hash(key) for key in keys if key]
    if hashes and SpentKey.objects.filter(workspace=workspace, key_hash__among=hashes).exists():
        raise Conflict(
            "This Idempotency-Key was used before, by a request that retention has cleared. "
            "Use a new key if it is to be done again.",
            fields={"idempotency_key": "Used by a request that is cleared."},
        )


def _hash(key: str) -> str:
    return sha256_hex(key.encode())
