"""What people do with a request besides deciding: withdraw, undo, run, retry, settle what is uncertain."""

from typing import Any
from uuid import UUID

from django.db import transaction

from execution import queue
from execution.engine.drain import drain
from execution.engine.preflight import preflight
from execution.models import Attempt, AttemptState, ExecutionRequest, GateState, Revision
from execution.services.editing import lock_request
from execution.services.gating import close_gates
from execution.services.reopening import reopen
from execution.states import WITHDRAWABLE, Status
from execution.transitions import move
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

WAS_SENT, WAS_NOT_SENT = "was_sent", "was_not_sent"


def cancel(*, workspace: Workspace, actor: Actor, request_id: UUID | str, reason: str = "") -> ExecutionRequest:
    """Withdraw it: its author, its proposer or whoever may decide. Doing so twice changes nothing.

    Raises Conflict once it is being carried out or settled, NotPermitted, NotFound.
    """
    with workspace_scope(workspace), transaction.atomic():
        request = lock_request(workspace=workspace, request_id=request_id)
        if not may_withdraw(actor=actor, request=request):
            raise NotPermitted("Only its author, its proposer or an approver may withdraw it.")
        if request.status == Status.CANCELLED:
            return request
        if request.status not in WITHDRAWABLE:
            raise Conflict(f"This request is {request.get_status_display().lower()} and can no longer be withdrawn.")
        now = database_now()
        close_gates(workspace_id=workspace.id, ids=[request.id], state=GateState.CLOSED, now=now)
        _move(
            request=request,
            actor=actor,
            to=Status.CANCELLED,
            action="request.cancelled",
            values={"settled_at": now, "last_error": reason},
            data={"reason": "by a member"},
        )
        return request


def may_withdraw(*, actor: Actor, request: ExecutionRequest) -> bool:
    """Its author, its proposer, or whoever may decide. Inside the scope."""
    if actor.workspace_id != request.workspace_id:
        return False
    if actor.may(Permission.DECIDE) or request.proposed_by_id == actor.principal_id:
        return True
    return Revision.objects.filter(request=request, author_id=actor.principal_id).exists()


def undo(*, workspace: Workspace, actor: Actor, request_id: UUID | str) -> ExecutionRequest:
    """Take an approval back while its undo window runs: its gates open again.

    Raises Conflict once the window has passed or the request moved on, NotPermitted, NotFound.
    """
    actor.require(Permission.DECIDE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        request = lock_request(workspace=workspace, request_id=request_id)
        now = database_now()
        if request.status != Status.APPROVED or request.undo_until is None or request.undo_until <= now:
            raise Conflict("The time to undo has passed.")
        reopen(
            workspace=workspace,
            requests=[request],
            actor=actor,
            action="request.undone",
            reason="the approval was taken back",
            now=now,
        )
        request.refresh_from_db()
        return request


def retry(*, workspace: Workspace, actor: Actor, request_id: UUID | str, reason: str) -> ExecutionRequest:
    """Send a failed request round again, with as many tries as a new one; every check applies anew.

    Raises Conflict where it has not failed, InvalidInput without a reason, NotPermitted, NotFound.
    """
    actor.require(Permission.RUN, workspace_id=workspace.id)
    _require_person(actor)
    _require_reason(reason)
    with workspace_scope(workspace), transaction.atomic():
        request = lock_request(workspace=workspace, request_id=request_id)
        if request.status != Status.FAILED:
            raise Conflict("Only a failed request can be tried again.")
        _move(
            request=request,
            actor=actor,
            to=Status.APPROVED,
            action="request.retried",
            only_from=[Status.FAILED],
            values={
                "attempts_made": 0,
                "due_at": database_now(),
                "overdue_from": database_now(),
                "settled_at": None,
                "wait_reason": "",
            },
        )
        queue.ring()
        return request


def run_now(*, workspace: Workspace, actor: Actor, request_id: UUID | str) -> ExecutionRequest:
    """Perform it now, in this process, past a backoff and although carrying out by itself is off; no more gives way.

    Raises Conflict with the check that stops it, NotPermitted, NotFound.
    """
    actor.require(Permission.RUN, workspace_id=workspace.id)
    with workspace_scope(workspace):
        request = (
            ExecutionRequest.objects.select_related("workspace").filter(workspace=workspace, pk=request_id).first()
        )
        if request is None:
            raise NotFound("There is no such request in this workspace.")
        if request.status != Status.APPROVED:
            raise Conflict(f"This request is {request.get_status_display().lower()}; only an approved one can be run.")
        answer = preflight(request=request, manual=True)
        if not answer.would_send:
            why = next(check for check in answer.checks if not check.ok)
            raise Conflict(f"It cannot go now. {why.detail}", check=why.name)
    result = drain(manual=True, workspace=workspace, request_ids=[request.pk], lanes=1)
    with workspace_scope(workspace):
        request = ExecutionRequest.objects.select_related("current").get(pk=request.pk)
    if result.crowded and request.status == Status.APPROVED:
        raise Conflict(
            "It did not go: all connections that its account allows are in use. Try again in a moment.",
            check="connections",
        )
    return request


def resolve(
    *, workspace: Workspace, actor: Actor, request_id: UUID | str, outcome: str, reason: str
) -> ExecutionRequest:
    """Say of an uncertain request whether it happened; a person's word, with a reason.

    outcome: was_sent settles it as done; was_not_sent approves it again, and every check applies anew.
    Raises Conflict where it is not uncertain, InvalidInput, NotPermitted, NotFound.
    """
    actor.require(Permission.RESOLVE, workspace_id=workspace.id)
    _require_person(actor)
    _require_reason(reason)
    if outcome not in (WAS_SENT, WAS_NOT_SENT):
        raise InvalidInput("Say was_sent or was_not_sent.", fields={"outcome": "was_sent or was_not_sent."})
    with workspace_scope(workspace), transaction.atomic():
        request = lock_request(workspace=workspace, request_id=request_id)
        if request.status != Status.UNCERTAIN:
            raise Conflict("This request is not uncertain.")
        now = database_now()
        sent = outcome == WAS_SENT
        Attempt.objects.filter(request=request, state=AttemptState.UNCERTAIN, resolution="").update(
            resolution=outcome, resolution_reason=reason, resolved_by_id=actor.principal_id
        )
        _move(
            request=request,
            actor=actor,
            to=Status.SUCCEEDED if sent else Status.APPROVED,
            action="request.resolved",
            only_from=[Status.UNCERTAIN],
            values={"settled_at": now}
            if sent
            else {"settled_at": None, "due_at": now, "overdue_from": now, "wait_reason": ""},
            data={"outcome": outcome},
        )
        if not sent:
            queue.ring()
        return request


def _move(*, request: ExecutionRequest, actor: Actor, to: Status, action: str, **more: Any) -> None:
    move(workspace_id=request.workspace_id, ids=[request.id], to=to, action=action, actor=actor, **more)
    request.refresh_from_db()


def _require_person(actor: Actor) -> None:
    if not actor.is_person:
        raise NotPermitted("Only a person can do this.")


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("Give a reason; it is kept on record.", fields={"reason": "Needed."})
