from django.db import models

from campaigns.states import CampaignStatus
from execution.models.base import TenantModel


class ProspectList(TenantModel):
    """Rows of people who might be written to, as somebody uploaded or typed them. Strangers' words, all of it."""

    name = models.CharField(max_length=200)
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    created_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "-id"], name="prospect_lists_newest")]

    def __str__(self) -> str:
        return self.name


class Campaign(TenantModel):
    """A cause, a goal in words, whom to reach and in which tone; and the agent that works on it."""

    name = models.CharField(max_length=200)
    cause = models.CharField(max_length=200, blank=True)
    goal = models.TextField(help_text="What it is to reach, in words; told to the agent.")
    ask = models.TextField(blank=True, help_text="What each recipient is asked, told to them as it stands.")
    audience = models.CharField(max_length=200, blank=True)
    tone = models.CharField(max_length=200, blank=True)
    sender_name = models.CharField(max_length=200, blank=True)
    sender_role = models.CharField(max_length=200, blank=True)
    sender_organisation = models.CharField(max_length=200, blank=True)
    agent = models.CharField(max_length=60, default="outreach")
    status = models.CharField(max_length=10, choices=CampaignStatus.choices, default=CampaignStatus.DRAFT)
    # Where its prospects come from: an uploaded list, or words to look for in the contact book.
    prospect_list = models.ForeignKey(
        ProspectList, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    query = models.CharField(max_length=200, blank=True)
    at_most = models.PositiveSmallIntegerField(default=50)
    created_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        # The list of campaigns, newest first.
        indexes = [models.Index(fields=["workspace", "-id"], name="campaigns_newest")]

    def __str__(self) -> str:
        return self.name
