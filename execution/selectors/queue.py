"""The approval queue: what waits for a decision, oldest deadline first."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet

from execution.models import Decision, ExecutionRequest, GateDefinition, GateState, RequestGate, Revision
from execution.selectors.history import search
from execution.services.gates import may_open
from execution.states import Status
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.settings_store import get_setting


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingFilters:
    """What narrows the queue; None and empty mean everything."""

    channel: str | None = None
    gate: str | None = None
    plan: UUID | None = None
    campaign: UUID | None = None
    agent: str | None = None
    q: str = ""


def pending(
    *, workspace: Workspace, actor: Actor, mine: bool, filters: PendingFilters | None = None
) -> QuerySet[ExecutionRequest]:
    """Requests that wait, each once, with `deadline` (of its oldest gate that counts) to order by.

    mine: only what this actor may decide now: a gate of theirs is open, they have not decided there yet, and none of
    the words is theirs.
    """
    filters = filters or PendingFilters()
    rows: QuerySet[ExecutionRequest] = ExecutionRequest.objects.filter(workspace=workspace, status=Status.PENDING)
    if filters.channel:
        rows = rows.filter(channel=filters.channel)
    if filters.plan:
        rows = rows.filter(plan_id=filters.plan)
    if filters.campaign:
        rows = rows.filter(campaign_id=filters.campaign)
    if filters.agent:
        rows = rows.filter(agent=filters.agent)
    if filters.q:
        rows = search(rows, filters.q)
    gates: QuerySet[RequestGate] = RequestGate.objects.filter(workspace=workspace, state=GateState.OPEN)
    if filters.gate:
        gates = gates.filter(name=filters.gate)
    if mine:
        gates = _openable(gates, workspace=workspace, actor=actor)
        if not get_setting(key="sole_operator", workspace=workspace):
            rows = rows.exclude(Exists(Revision.objects.filter(request=OuterRef("pk"), author_id=actor.principal_id)))
    earlier = gates.filter(request=OuterRef("pk")).filter(
        Q(deadline__lt=OuterRef("deadline")) | Q(deadline=OuterRef("deadline"), id__lt=OuterRef("gate"))
    )
    return (
        # Joined from the gate, so that the index on its deadline gives the order and a page reads only its rows. The
        # conditions speak of the annotations: each `waiting__` in a filter of its own would be another join.
        rows.annotate(
            waiting=FilteredRelation("gates", condition=Q(gates__state=GateState.OPEN, gates__workspace=workspace.id))
        )
        .annotate(deadline=F("waiting__deadline"), gate=F("waiting__id"))
        .filter(Exists(gates.filter(pk=OuterRef("gate"))), ~Exists(earlier))
        .order_by("deadline", "id")
    )


def _openable(gates: QuerySet[RequestGate], *, workspace: Workspace, actor: Actor) -> QuerySet[RequestGate]:
    """Those of `gates` that the actor's role opens and where they have not decided yet."""
    definitions = list(GateDefinition.objects.filter(workspace=workspace))
    opened = [d.name for d in definitions if may_open(actor=actor, definition=d)]
    names = Q(name__in=opened)
    if may_open(actor=actor, definition=None):
        names |= ~Q(name__in=[d.name for d in definitions])
    decided = Decision.objects.filter(gate=OuterRef("pk"), principal_id=actor.principal_id)
    return gates.filter(names).exclude(Exists(decided))
