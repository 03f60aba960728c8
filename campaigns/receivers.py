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
from workspaces.scope import workspace_scope


@receiver(request_settled, dispatch_uid="campaigns.failed")
def ask_a_person(*, workspace_id: UUID, request_ids: list[UUID], status: Status, **kwargs: Any) -> None:
    """What failed for good goes to a person."""
    if status == Status.FAILED:
        escalate_failures(workspace=Workspace.objects.get(pk=workspace_id), request_ids=request_ids)


@receiver(request_settled, dispatch_uid="campaigns.settled")
def look_at_campaigns(*, workspace_id: UUID, request_ids: list[UUID], **kwargs: Any) -> None:
    """A campaign whose last open request was settled is finished."""
    workspace = Workspace.objects.get(pk=workspace_id)
    with workspace_scope(workspace):
        settled = ExecutionRequest.objects.filter(id__among=request_ids, campaign_id__isnull=False).order_by()
        campaign_ids = {found for found in settled.values_list("campaign_id", flat=True) if found is not None}
    if campaign_ids:
        finish_campaigns(workspace=workspace, campaign_ids=campaign_ids)


@receiver(contact_erased, dispatch_uid="campaigns.erased")
def forget(*, workspace_id: UUID, contact_id: UUID, **kwargs: Any) -> None:
    """What agents read and wrote about somebody who was erased goes too."""
    forget_contact(workspace=Workspace.objects.get(pk=workspace_id), contact_id=contact_id)
