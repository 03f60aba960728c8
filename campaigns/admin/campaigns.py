"""Campaigns: the list and the form."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns.admin import campaign_page
from campaigns.agents.registry import all_agents
from campaigns.models import Campaign
from campaigns.services.campaigns import create_campaign, update_campaign
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, pill_column, time_column
from workspaces.admin.views import here
from workspaces.permissions import Permission


class CampaignForm(ServiceForm):
    """Agents are picked, not typed."""

    agent = forms.ChoiceField(widget=UnfoldAdminSelectWidget, initial="outreach")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "agent" in self.fields:
            self.fields["agent"].choices = [(agent.slug, agent.label) for agent in all_agents()]  # type: ignore[attr-defined]


@admin.register(Campaign)
class CampaignAdmin(ServiceModelAdmin):
    """What is proposed already stays as it was when a campaign is changed."""

    form = CampaignForm
    change_right = add_right = Permission.PROPOSE
    list_display = ["name", "status_column", "agent", "cause", "audience", "created_by", "made"]
    list_filter = ["status", ("agent", admin.AllValuesFieldListFilter)]
    search_fields = ["name", "goal", "cause", "audience"]
    ordering = ["-id"]
    list_select_related = ["created_by"]
    empty_words = "No campaigns yet. Add one with a goal in words, then let its agent find whom to write to."
    fields = [
        "name",
        "goal",
        "ask",
        ("cause", "audience"),
        ("tone", "agent"),
        ("sender_name", "sender_role"),
        "sender_organisation",
        ("query", "at_most"),
    ]
    export_columns = [
        ("id", lambda row: row.pk),
        ("name", lambda row: row.name),
        ("status", lambda row: row.status),
        ("cause", lambda row: row.cause),
        ("goal", lambda row: row.goal),
        ("audience", lambda row: row.audience),
        ("tone", lambda row: row.tone),
        ("agent", lambda row: row.agent),
        ("made by", lambda row: row.created_by.label),
        ("made at", lambda row: row.created_at),
    ]

    status_column = staticmethod(pill_column("status", "Status"))
    made = staticmethod(time_column("created_at", "Made"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("created_by")

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("<uuid:object_id>/edit/", self.admin_site.admin_view(self.edit_view), name="campaign_edit"),
            path("<uuid:object_id>/start/", campaign_page.start, name="campaign_start"),
            path("runs/<uuid:run_id>/", campaign_page.run_page, name="run"),
            path("runs/<uuid:run_id>/retry/", campaign_page.retry, name="run_retry"),
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        response: HttpResponseBase = campaign_page.campaign_page(request, object_id)
        return response

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """unfold's form."""
        if not self.has_change_permission(request):
            raise PermissionDenied("Your role does not edit campaigns.")
        response: HttpResponseBase = super().change_view(request, str(object_id))
        return response

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Campaign:
        who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
        fields = form.cleaned_data
        return update_campaign(**who, campaign_id=obj.pk, **fields) if obj else create_campaign(**who, **fields)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        self.message_user(request, f"{obj}: saved. Start its agent when you are ready.")
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_change", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, f"{obj}: saved.")
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_change", args=[obj.pk]))
