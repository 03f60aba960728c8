"""Gates at which requests wait for longer than their time to answer, and whom such a gate names for that."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Max, QuerySet

from execution.models import Alert, GateDefinition, GateState, RequestGate
from execution.services.alerts import raise_alert
from execution.states import Status
from workspaces.clock import database_now
from workspaces.scope import all_workspaces
from workspaces.selectors import member_named

KIND = "unanswered"


class _Late(NamedTuple):
    """A gate with requests that nobody answered in time."""

    workspace_id: UUID
    gate: str
    number: int
    newest: datetime  # the last deadline that passed


def watch_unanswered() -> int:
    """Raise an alert for each gate where a deadline has passed since it was last told of; returns how many."""
    raised = 0
    with all_workspaces("gates wait in every workspace"):
        known = Alert.objects.filter(kind=KIND, resolved_at=None).order_by().values_list("workspace_id", "fingerprint")
        told = {tuple(gate): last_at for *gate, last_at in known.annotate(Max("last_at"))}
        for late in _late():
            last_at = told.get((late.workspace_id, _fingerprint(late.gate)))
            if last_at is not None and last_at >= late.newest:
                continue
            raise_alert(
                workspace_id=late.workspace_id,
                kind=KIND,
                fingerprint=_fingerprint(late.gate),
                title=f"Nobody answers at {late.gate} in time",
                detail=(
                    f"Requests there that wait for longer than it allows: {late.number}. "
                    "Decide in the queue; what nobody decides on expires."
                ),
            )
            raised += 1
    return raised


def answered(alerts: QuerySet[Any]) -> QuerySet[Any]:
    """Of unresolved alerts of this kind, those at whose gate nothing is late any more."""
    late = {(one.workspace_id, _fingerprint(one.gate)) for one in _late()}
    rows = alerts.values_list("pk", "workspace_id", "fingerprint")
    return alerts.filter(pk__in=[pk for pk, *gate in rows if tuple(gate) not in late])


def named_by(alert: Alert) -> frozenset[UUID]:
    """The member whom the alert's gate escalates to, if it names one who is active there."""
    gates = GateDefinition.objects.filter(workspace_id=alert.workspace_id)
    gate = gates.filter(name=alert.fingerprint.removeprefix(_fingerprint(""))).first()
    person = member_named(workspace_id=alert.workspace_id, name=gate.escalate_to) if gate else None
    return frozenset({person} if person else ())


def _late() -> list[_Late]:
    late = RequestGate.objects.filter(state=GateState.OPEN, deadline__lte=database_now())
    waiting = late.filter(request__status=Status.PENDING)
    grouped = waiting.order_by().values_list("workspace_id", "name").annotate(Count("pk"), Max("deadline"))
    return [_Late(*row) for row in grouped]


def _fingerprint(gate: str) -> str:
    return f"{KIND}:{gate}"
