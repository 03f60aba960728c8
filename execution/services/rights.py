"""What this member may do with this request now. Views show just these; the services check again."""

from execution.models import ExecutionRequest, GateDefinition, GateState, RequestGate, Revision
from execution.services.gates import may_open
from execution.services.lifecycle import may_withdraw
from execution.states import EDITABLE, WITHDRAWABLE, Status
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.permissions import Permission
from workspaces.settings_store import get_setting


def available_actions(*, actor: Actor, request: ExecutionRequest) -> frozenset[str]:
    """Some of approve, reject, request_changes, edit, cancel, run, resolve, retry, undo, reseal. Inside the scope."""
    if actor.workspace_id != request.workspace_id:
        return frozenset()
    status = Status(request.status)
    actions: set[str] = set()
    if status == Status.PENDING and _may_decide(actor=actor, request=request):
        actions |= {"approve", "reject", "request_changes"}
    if status in EDITABLE and actor.may(Permission.PROPOSE):
        actions |= {"edit", "reseal"}
    if status in WITHDRAWABLE and may_withdraw(actor=actor, request=request):
        actions.add("cancel")
    if not actor.is_person:
        return frozenset(actions)
    if status == Status.APPROVED and actor.may(Permission.RUN):
        actions.add("run")
    if status == Status.UNCERTAIN and actor.may(Permission.RESOLVE):
        actions.add("resolve")
    if status == Status.FAILED and actor.may(Permission.RUN):
        actions.add("retry")
    waiting = status == Status.APPROVED and request.undo_until is not None
    if waiting and actor.may(Permission.DECIDE) and request.undo_until > database_now():  # type: ignore[operator]
        actions.add("undo")
    return frozenset(actions)


def _may_decide(*, actor: Actor, request: ExecutionRequest) -> bool:
    if not actor.is_person or not actor.may(Permission.DECIDE):
        return False
    is_author = Revision.objects.filter(request=request, author_id=actor.principal_id).exists()
    if is_author and not get_setting(key="sole_operator", workspace=request.workspace):
        return False
    names = list(RequestGate.objects.filter(request=request, state=GateState.OPEN).values_list("name", flat=True))
    definitions = {d.name: d for d in GateDefinition.objects.filter(workspace_id=request.workspace_id, name__in=names)}
    return any(may_open(actor=actor, definition=definitions.get(name)) for name in names)
