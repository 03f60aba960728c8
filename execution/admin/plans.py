"""The list of plans with how far each is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html

from execution.admin import plan_page
from execution.models import ExecutionPlan
from execution.selectors import plan_progress
from execution.states import Status
from workspaces.admin.base import WorkspaceModelAdmin, time_column
from workspaces.admin.paging import WorkspaceChangeList


class PlanChangeList(WorkspaceChangeList):
    """Counts the requests of the plans on the page in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        plans: list[Any] = list(self.result_list)  # type: ignore[has-type]
        progress = plan_progress(plans)
        for plan in plans:
            plan.progress = progress[plan.pk]
        self.result_list = plans


@admin.register(ExecutionPlan)
class PlanAdmin(WorkspaceModelAdmin):
    """Plans are proposed, not written here."""

    list_title = "Plans"
    list_display = ["title", "campaign", "size", "waiting", "progress_column", "proposed"]
    list_filter = [("campaign_label", admin.AllValuesFieldListFilter)]
    search_fields = ["title", "goal", "campaign_label"]
    ordering = ["-id"]
    empty_words = "No plans yet. A campaign's agent proposes one when it has found its targets."
    export_columns = [
        ("id", lambda row: row.pk),
        ("title", lambda row: row.title),
        ("goal", lambda row: row.goal),
        ("campaign", lambda row: row.campaign_label),
        ("size", lambda row: row.size),
        ("performed", lambda row: row.performed),
        ("of these as dry run", lambda row: row.performed_dry),
        ("proposed at", lambda row: row.created_at),
    ]

    proposed = staticmethod(time_column("created_at", "Proposed"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PlanChangeList]:
        return PlanChangeList

    @admin.display(description="Campaign", ordering="campaign_label")
    def campaign(self, obj: ExecutionPlan) -> str:
        return obj.campaign_label

    @admin.display(description="Waiting")
    def waiting(self, obj: ExecutionPlan) -> int:
        return int(obj.progress.counts[Status.PENDING])  # type: ignore[attr-defined]

    @admin.display(description="Progress")
    def progress_column(self, obj: ExecutionPlan) -> str:
        progress = obj.progress  # type: ignore[attr-defined]
        return format_html(
            '<progress class="cs-progress" max="{}" value="{}"></progress> {} of {} settled',
            max(progress.total, 1),
            progress.settled,
            progress.settled,
            progress.total,
        )

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<uuid:object_id>/decide/", plan_page.decide, name="plan_decide"),
            path("<uuid:object_id>/continue/", plan_page.continue_, name="plan_continue"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse | HttpResponseBase:
        response: HttpResponse = plan_page.plan_page(request, object_id)
        return response
