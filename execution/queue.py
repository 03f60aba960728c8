"""The queue, which is only a bell: losing every queued task loses nothing. The one importer of async_task."""

from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django_q.tasks import async_task, queue_size

from execution.engine.failpoints import reached
from execution.models import ExecutionRequest
from execution.states import WAITS_OUT, Status
from workspaces.clock import DatabaseNow
from workspaces.scope import all_workspaces

DRAIN = "execution.tasks.drain_due"
RETAIN = "execution.tasks.retain_now"
_BELLS_ENOUGH = 20


def enqueue(path: str, *ids: str) -> None:
    """Have a worker call the function at the dotted `path` with `ids`.

    Sent after the commit; what a crash in between loses, the poll finds. Only ids travel: arguments are kept as
    signed pickles and must hold no personal data.
    """

    def send() -> None:
        reached("decided")
        async_task(path, *ids)

    transaction.on_commit(send, robust=True)


def ring() -> None:
    """Wake a worker for what has just become due."""
    enqueue(DRAIN)


def ring_unless_ringing() -> None:
    """Ring, but not where bells pile up unheard because no worker takes them."""
    if queue_size() < _BELLS_ENOUGH:
        ring()


def wake_waiting(*, workspace_id: UUID, reason: str) -> None:
    """What waits for just this in the workspace is looked at now."""
    with all_workspaces("the rows are filtered by the workspace given"):
        waiting = ExecutionRequest.objects.filter(workspace_id=workspace_id, status=Status.APPROVED, wait_reason=reason)
        woken = waiting.update(due_at=DatabaseNow())
    if woken:
        ring()


def wake_held(*, workspace_id: UUID | None) -> None:
    """After a hold or stop was lifted: what waited for it is looked at now. `workspace_id` None: everywhere."""
    with all_workspaces("a global hold spans every workspace"):
        waiting = ExecutionRequest.objects.filter(status=Status.APPROVED).exclude(wait_reason="")
        waiting = waiting.exclude(wait_reason__in=["undo_window", *WAITS_OUT])
        rows = waiting.filter(workspace_id=workspace_id) if workspace_id else waiting
        rows.filter(Q(scheduled_for=None) | Q(scheduled_for__lte=DatabaseNow())).update(due_at=DatabaseNow())
    ring()
