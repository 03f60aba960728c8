"""What retention deletes of this app: the runs of agents, with the drafts and the lists of people they were given."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.models import AgentRun, Draft
from campaigns.states import RunStatus
from execution.models import ExecutionRequest
from execution.services.clearing import Kind
from workspaces.ids import lowest_id
from workspaces.models import Workspace


def _due(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[AgentRun]:
    """Over since before the cutoff, and without a request that stays: whoever decides about one sees what its agent
    chose it for. Ids grow with time, so the newest are left out by the index.
    """
    stays = ExecutionRequest.objects.filter(pk=OuterRef("request_id"))
    kept = Draft.objects.filter(Exists(stays), run=OuterRef("pk"), request_id__isnull=False)
    rows = AgentRun.objects.filter(
        ~Exists(kept),
        workspace=workspace,
        id__lt=lowest_id(cutoff),
        status__in=[RunStatus.DONE, RunStatus.FAILED],
        ended_at__lt=cutoff,
    )
    return rows.order_by("id")


def _delete(workspace: Workspace, ids: Sequence[UUID]) -> Sequence[UUID]:
    """By the framework's own way: the drafts go too, and what a model call cost stays on record."""
    AgentRun.objects.filter(workspace=workspace, id__in=ids).delete()
    return ids


RUNS = Kind(name="agent runs", label="Runs of agents, with their drafts", due=_due, delete=_delete)
