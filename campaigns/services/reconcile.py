"""What follows from the rows, whether or not anybody said so: which campaigns are finished, who was erased."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.models import Campaign, Draft
from campaigns.services.erasure import forget_contact
from campaigns.services.escalations import escalate_failures, failed_lately
from campaigns.states import CampaignStatus
from execution.models import ExecutionRequest
from execution.states import OPEN, Status
from workspaces.models import Workspace
from workspaces.scope import all_workspaces, workspace_scope


def finish_campaigns(*, workspace: Workspace, campaign_ids: Collection[UUID] | None = None) -> None:
    """Mark proposed campaigns finished where nothing of theirs is open or uncertain, and the other way round."""
    with workspace_scope(workspace):
        rows = Campaign.objects.filter(workspace=workspace)
        if campaign_ids is not None:
            rows = rows.filter(pk__in=campaign_ids)
        _ended(rows).update(status=CampaignStatus.FINISHED)
        _gone_on(rows).update(status=CampaignStatus.PROPOSED)


def reconcile_all() -> None:
    """Catch up with news that was lost, in every workspace in which some may have been: asked for all at once, since an
    installation has many and a poll comes every two minutes.
    """
    mine = {"workspace": OuterRef("pk")}
    with all_workspaces("the poll serves every workspace"):
        campaigns = Campaign.objects.filter(**mine)
        found = Workspace.objects.filter(
            Exists(_ended(campaigns))
            | Exists(_gone_on(campaigns))
            | Exists(failed_lately().filter(**mine))
            | Exists(_left_by_erased().filter(**mine))
        )
        workspaces = list(found.order_by("id"))
    for workspace in workspaces:
        reconcile(workspace=workspace)


def reconcile(*, workspace: Workspace) -> None:
    """The same, in one workspace."""
    finish_campaigns(workspace=workspace)
    escalate_failures(workspace=workspace)
    with workspace_scope(workspace):
        left = _left_by_erased().filter(workspace=workspace)
        contact_ids = set(left.order_by().values_list("contact_id", flat=True)[:100])
    for contact_id in contact_ids:
        forget_contact(workspace=workspace, contact_id=contact_id)


def _ended(campaigns: "QuerySet[Campaign]") -> "QuerySet[Campaign]":
    return campaigns.filter(status=CampaignStatus.PROPOSED).exclude(_unsettled())


def _gone_on(campaigns: "QuerySet[Campaign]") -> "QuerySet[Campaign]":
    return campaigns.filter(_unsettled(), status=CampaignStatus.FINISHED)


def _unsettled() -> Exists:
    return Exists(ExecutionRequest.objects.filter(campaign_id=OuterRef("pk"), status__in=[*OPEN, Status.UNCERTAIN]))


def _left_by_erased() -> "QuerySet[Draft]":
    return Draft.objects.filter(contact__is_erased=True).exclude(payload={}, reason="")
