"""What this app does on news from below. Each may come twice or never; services/reconcile.py reads the rows."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from campaigns.services.erasure import forget_contact
from campaigns.services.escalations import escalate_failures
from campaigns.services.reconcile import finish_campaigns
from contacts.signals import contact_erased
from execution.models import ExecutionRequest
from execution.signals import request_settled
from execution.states import Status
from workspaces.models import Workspace
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces

_CAMPAIGNS = Prepared(
    lambda workspace_id, ids: (
        ExecutionRequest.objects.filter(workspace_id=workspace_id, id__among=ids, campaign_id__isnull=False)
        .order_by()
        .values_list("campaign_id", flat=True)
    ),
    workspace_id=UUID,
    ids=list[UUID],
)


@receiver(request_settled, dispatch_uid="campaigns.failed")
def ask_a_person(*, workspace_id: UUID, request_ids: list[UUID], status: Status, **kwargs: Any) -> None:
    """What failed for good goes to a person."""
    if status == Status.FAILED:
        escalate_failures(workspace=Workspace.objects.get(pk=workspace_id), request_ids=request_ids)


@receiver(request_settled, dispatch_uid="campaigns.settled")
def look_at_campaigns(*, workspace_id: UUID, request_ids: list[UUID], **kwargs: Any) -> None:
    """A campaign whose last open request was settled is finished."""
    with all_workspaces("filtered by the workspace given"):
        campaign_ids = set(_CAMPAIGNS.rows(workspace_id=workspace_id, ids=request_ids))
    if campaign_ids:
        finish_campaigns(workspace=Workspace.objects.get(pk=workspace_id), campaign_ids=campaign_ids)


@receiver(contact_erased, dispatch_uid="campaigns.erased")
def forget(*, workspace_id: UUID, contact_id: UUID, **kwargs: Any) -> None:
    """What agents read and wrote about somebody who was erased goes too."""
    forget_contact(workspace=Workspace.objects.get(pk=workspace_id), contact_id=contact_id)
