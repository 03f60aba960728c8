"""What follows from the rows, whether or not anybody said so: which campaigns are finished, who was erased."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef

from campaigns.models import Campaign, Draft
from campaigns.services.erasure import forget_contact
from campaigns.services.escalations import escalate_failures
from campaigns.states import CampaignStatus
from execution.models import ExecutionRequest
from execution.states import OPEN, Status
from workspaces.models import Workspace
from workspaces.scope import workspace_scope


def finish_campaigns(*, workspace: Workspace, campaign_ids: Collection[UUID] | None = None) -> None:
    """Mark proposed campaigns finished where nothing of theirs is open or uncertain, and the other way round."""
    with workspace_scope(workspace):
        rows = Campaign.objects.filter(workspace=workspace)
        if campaign_ids is not None:
            rows = rows.filter(pk__in=campaign_ids)
        unsettled = Exists(
            ExecutionRequest.objects.filter(campaign_id=OuterRef("pk"), status__in=[*OPEN, Status.UNCERTAIN])
        )
        rows.filter(status=CampaignStatus.PROPOSED).exclude(unsettled).update(status=CampaignStatus.FINISHED)
        rows.filter(unsettled, status=CampaignStatus.FINISHED).update(status=CampaignStatus.PROPOSED)


def reconcile(*, workspace: Workspace) -> None:
    """Catch up with news that was lost."""
    finish_campaigns(workspace=workspace)
    escalate_failures(workspace=workspace)
    with workspace_scope(workspace):
        left = Draft.objects.filter(workspace=workspace, contact__is_erased=True).exclude(payload={}, reason="")
        contact_ids = set(left.order_by().values_list("contact_id", flat=True)[:100])
    for contact_id in contact_ids:
        forget_contact(workspace=workspace, contact_id=contact_id)
