"""The list of policy versions."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from execution.admin import policy_pages
from execution.models import PolicyVersion
from workspaces.admin.base import WorkspaceModelAdmin, time_column
from workspaces.permissions import Permission


@admin.register(PolicyVersion)
class PolicyAdmin(WorkspaceModelAdmin):
    """Versions are published, never changed."""

    add_right = Permission.MANAGE
    list_title = "Policies"
    list_display = ["name_column", "rule_count", "note", "published_by", "published"]
    search_fields = ["note"]
    ordering = ["-number"]
    list_select_related = ["published_by"]
    list_filter = [("published_at", admin.DateFieldListFilter)]
    export_columns = [
        ("version", lambda row: row.number),
        ("rules", lambda row: row.rules),
        ("note", lambda row: row.note),
        ("published by", lambda row: row.published_by.label),
        ("published at", lambda row: row.published_at),
    ]

    published = staticmethod(time_column("published_at", "Published"))

    @admin.display(description="Version", ordering="number")
    def name_column(self, obj: PolicyVersion) -> str:
        return f"Version {obj.number}"

    @admin.display(description="Rules")
    def rule_count(self, obj: PolicyVersion) -> int:
        return len(obj.rules)

    def get_urls(self) -> list[URLPattern]:
        return [path("publish/", policy_pages.publish, name="policy_publish"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:policy_publish"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        response: HttpResponseBase = policy_pages.policy_page(request, object_id)
        return response
