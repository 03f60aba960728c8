"""Settling: what became of each call goes on record, in one commit for many.

Only rows still in the chunk that the worker marked move: the late answer of a worker that was presumed dead, and
whose work was recovered, changes nothing.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from contacts.services import Touch, mark_contacted
from execution.engine.outcomes import Outcome
from execution.engine.progress import PlanProgress
from execution.models import Attempt, AttemptState, ExecutionRequest
from execution.services.alerts import raise_alert
from execution.states import Status
from execution.transitions import move
from workspaces.actors import Actor
from workspaces.bulk import update_rows
from workspaces.clock import database_now
from workspaces.models import Workspace

BACKOFF_BASE_SECONDS = 30.0
BACKOFF_MOST_SECONDS = 3_600.0

_ATTEMPT_STATE = {
    "done": AttemptState.SUCCEEDED,
    "draft": AttemptState.SUCCEEDED,
    "dry_run": AttemptState.DRY_RUN,
    "transient": AttemptState.FAILED,
    "throttled": AttemptState.FAILED,
    "permanent": AttemptState.FAILED,
    "misconfigured": AttemptState.FAILED,
    "ambiguous": AttemptState.UNCERTAIN,
    "not_begun": AttemptState.NOT_BEGUN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """One marked request and what came of it."""

    attempt_id: UUID
    request_id: UUID
    attempts_made: int
    contact_id: UUID | None
    plan_id: UUID | None
    channel: str
    summary: str
    outcome: Outcome


def backoff(*, tries: int, random_source: random.Random | None = None) -> timedelta:
    """How long to wait after `tries` failed tries: exponential with full jitter, so that many never return at once.

    (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015.)
    """
    ceiling = min(BACKOFF_MOST_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** (tries - 1))
    source = random_source or random.SystemRandom()
    return timedelta(seconds=source.uniform(ceiling / 2, ceiling))


def settle(
    *,
    workspace: Workspace,
    chunk_id: UUID,
    performed: Sequence[Performed],
    max_attempts: int,
    actor: Actor,
    progress: PlanProgress,
) -> dict[str, int]:
    """Put the outcomes of (part of) a chunk on record, in the caller's transaction and scope.

    progress: told what the caller writes to the plans as its last act. Returns how many succeeded, failed, became
    uncertain.
    """
    now = database_now()
    counts = {"succeeded": 0, "failed": 0, "uncertain": 0}
    groups: dict[tuple[Any, ...], list[Performed]] = defaultdict(list)
    for one in performed:
        groups[_group(one, max_attempts=max_attempts)].append(one)
    owned: set[UUID] = set()
    for (kind, ends, detail), members in groups.items():
        moved = _move_group(
            workspace_id=workspace.id,
            chunk_id=chunk_id,
            kind=kind,
            ends=ends,
            detail=detail,
            members=members,
            actor=actor,
            now=now,
        )
        owned.update(moved)
        moved_members = [one for one in members if one.request_id in moved]
        if kind in ("done", "draft", "dry_run"):
            counts["succeeded"] += len(moved)
            _tell_contacts(workspace=workspace, actor=actor, kind=kind, members=moved_members, now=now)
            for one in moved_members:
                if one.plan_id:
                    progress.add(plan_id=one.plan_id, dry=kind != "done")
        elif kind == "ambiguous":
            counts["uncertain"] += len(moved)
        elif ends:
            counts["failed"] += len(moved)
        _alert(workspace_id=workspace.id, kind=kind, ends=ends, members=moved_members)
    _write_attempts([one for one in performed if one.request_id in owned], now=now)
    return counts


def _group(one: Performed, *, max_attempts: int) -> tuple[str, bool, str]:
    """What is settled alike: the kind, whether it ends here, and the error where it is told on the row."""
    kind = one.outcome.kind
    ends = kind == "permanent" or (kind == "transient" and one.attempts_made >= max_attempts)
    return kind, ends, one.outcome.detail


def _move_group(
    *,
    workspace_id: UUID,
    chunk_id: UUID,
    kind: str,
    ends: bool,
    detail: str,
    members: Sequence[Performed],
    actor: Actor,
    now: datetime,
) -> set[UUID]:
    values: dict[str, Any] = {"chunk": None, "last_error": detail}
    data: dict[str, Any] = {"chunk": str(chunk_id)}
    match kind:
        case "done" | "draft" | "dry_run":
            to, action = Status.SUCCEEDED, "request.dry_run" if kind == "dry_run" else "request.succeeded"
            values |= {"settled_at": now, "is_dry_run": kind == "dry_run"}
        case "ambiguous":
            to, action = Status.UNCERTAIN, "request.uncertain"
            values |= {"settled_at": now}
            data["reason"] = "the call was broken off"
        case "not_begun":
            to, action = Status.APPROVED, "request.not_begun"
            # The try does not count, and its limits stay taken: a window may hold less, never more.
            values |= {
                "attempts_made": F("attempts_made") - 1,
                "due_at": now,
                "wait_reason": detail[:80],
                "last_error": "",
            }
            data["reason"] = detail
        case "throttled" | "misconfigured":
            to, action = Status.APPROVED, "request.retry"
            wait = max(o.outcome.retry_after or 0 for o in members) if kind == "throttled" else 60.0
            values |= {
                "attempts_made": F("attempts_made") - 1,
                "due_at": now + timedelta(seconds=wait),
                "overdue_from": now + timedelta(seconds=wait),
                "wait_reason": "throttled" if kind == "throttled" else "account_stopped",
            }
            data["error_kind"] = kind
        case _ if ends:
            to, action = Status.FAILED, "request.failed"
            values |= {"settled_at": now}
            data["error_kind"] = kind
        case _:
            to, action = Status.APPROVED, "request.retry"
            tries = max(one.attempts_made for one in members)
            again = now + backoff(tries=tries)
            values |= {"due_at": again, "overdue_from": again, "wait_reason": "backoff"}
            data["error_kind"] = kind
    urls = {one.request_id: one.outcome.url for one in members if one.outcome.url}
    moved = move(
        workspace_id=workspace_id,
        ids=[one.request_id for one in members],
        to=to,
        action=action,
        actor=actor,
        only_from=[Status.DISPATCHING],
        values=values,
        conditions={"chunk": chunk_id},
        data=data,
        strict=False,
    )
    for request_id, url in urls.items():
        if request_id in moved:
            ExecutionRequest.objects.filter(pk=request_id).update(deliverable_url=url)
    return set(moved)


def _write_attempts(performed: Sequence[Performed], *, now: datetime) -> None:
    update_rows(
        Attempt,
        rows={
            one.attempt_id: {
                "state": _ATTEMPT_STATE[one.outcome.kind].value,
                "error_kind": "" if one.outcome.kind in ("done", "draft", "dry_run") else one.outcome.kind,
                "error": one.outcome.detail,
                "provider_message_id": one.outcome.message_id,
                "response": one.outcome.response,
                "wire_digest": one.outcome.wire_digest,
                "ended_at": now,
            }
            for one in performed
        },
    )


def _tell_contacts(
    *, workspace: Workspace, actor: Actor, kind: str, members: Sequence[Performed], now: datetime
) -> None:
    dry = kind != "done"
    by_channel: dict[str, list[Touch]] = defaultdict(list)
    for one in members:
        if one.contact_id:
            by_channel[one.channel].append(
                Touch(contact_id=one.contact_id, request_id=one.request_id, plan_id=one.plan_id, summary=one.summary)
            )
    for channel, touches in by_channel.items():
        mark_contacted(workspace=workspace, actor=actor, touches=touches, channel=channel, at=now, dry_run=dry)


def _alert(*, workspace_id: UUID, kind: str, ends: bool, members: Sequence[Performed]) -> None:
    for one in members:
        if kind == "ambiguous":
            raise_alert(
                workspace_id=workspace_id,
                kind="uncertain",
                severity="critical",
                fingerprint=f"uncertain:{one.request_id}",
                title="Nobody can know whether this went out",
                detail=f"{one.outcome.detail} Look it up at the provider, then say was sent or was not sent.",
                request_id=one.request_id,
            )
        elif ends:
            raise_alert(
                workspace_id=workspace_id,
                kind="request_failed",
                severity="warning",
                fingerprint=f"failed:{one.request_id}",
                title="A request failed for good",
                detail=one.outcome.detail,
                request_id=one.request_id,
            )
