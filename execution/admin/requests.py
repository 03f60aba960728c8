"""The list of requests, and the history: the same list, settled."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path

from execution.admin import acts, request_page
from execution.channels import registry
from execution.models import ExecutionRequest
from execution.selectors import search
from execution.states import NEEDS_A_PERSON, OPEN, SETTLED
from workspaces.admin.base import WorkspaceModelAdmin, pill_column, time_column


class StageFilter(admin.SimpleListFilter):
    """Open, settled, or what a person has to look at."""

    title = "stage"
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("settled", "Settled (history)"), ("person", "Needs a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        stages = {"open": OPEN, "settled": SETTLED, "person": NEEDS_A_PERSON}
        wanted = stages.get(self.value() or "")
        return queryset.filter(status__in=sorted(wanted)) if wanted else queryset


class ChannelFilter(admin.SimpleListFilter):
    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, registry.get(name).label) for name in registry.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(channel=self.value()) if self.value() else queryset


class ContactFilter(admin.SimpleListFilter):
    """Of one contact: set by links, not offered."""

    title = "contact"
    parameter_name = "contact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", "This one")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            return queryset.filter(contact_id=UUID(self.value() or ""))
        except ValueError:
            return queryset.none()


@admin.register(ExecutionRequest)
class RequestAdmin(WorkspaceModelAdmin):
    """Reading only; what one may do with a request stands on its page."""

    list_title = "Requests"
    list_display = ["summary_column", "to", "status_column", "mode_column", "agent", "campaign", "proposed", "settled"]
    list_display_links = ["summary_column"]
    list_filter = [
        StageFilter,
        ChannelFilter,
        ContactFilter,
        ("status", admin.ChoicesFieldListFilter),
        ("mode", admin.ChoicesFieldListFilter),
        "is_dry_run",
    ]
    search_fields = ["summary"]
    search_help_text = "Subject, recipient, contact or campaign"
    ordering = ["-id"]
    list_select_related = ["contact"]
    empty_words = "No requests yet. An agent proposes them, or a client of the API."
    export_columns = [
        ("id", lambda row: row.pk),
        ("channel", lambda row: row.channel),
        ("summary", lambda row: row.summary),
        ("to", lambda row: row.to),
        ("contact", lambda row: str(row.contact) if row.contact else ""),
        ("status", lambda row: row.status),
        ("mode", lambda row: row.mode),
        ("dry run", lambda row: row.is_dry_run),
        ("agent", lambda row: row.agent),
        ("campaign", lambda row: row.campaign_label),
        ("proposed at", lambda row: row.created_at),
        ("approved at", lambda row: row.approved_at),
        ("settled at", lambda row: row.settled_at),
        ("last error", lambda row: row.last_error),
    ]

    status_column = staticmethod(pill_column("status", "Status"))
    mode_column = staticmethod(pill_column("mode", "Mode"))
    proposed = staticmethod(time_column("created_at", "Proposed"))
    settled = staticmethod(time_column("settled_at", "Settled"))

    @admin.display(description="Campaign", ordering="campaign_label")
    def campaign(self, obj: ExecutionRequest) -> str:
        return obj.campaign_label

    @admin.display(description="Request", ordering="summary")
    def summary_column(self, obj: ExecutionRequest) -> str:
        return str(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("facts", "metadata", "policy_reasons", "policy_matched")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (search(queryset, search_term) if search_term.strip() else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        settled = request.GET.get("stage") == "settled"
        return super().changelist_view(request, {"list_title": "History"} if settled else extra_context)

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("<uuid:object_id>/decide/", acts.decide, name="request_decide"),
            path("<uuid:object_id>/act/", acts.act, name="request_act"),
            path("<uuid:object_id>/edit/", acts.edit, name="request_edit"),
            path("<uuid:object_id>/preview/", request_page.preview, name="request_preview"),
            path("<uuid:object_id>/attachment/<str:sha256>/", request_page.attachment, name="request_attachment"),
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        response: HttpResponseBase = request_page.request_page(request, object_id)
        return response
