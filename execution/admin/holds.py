"""The list of holds: in force, and what was held before."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from execution.admin import hold_pages
from execution.models import Hold
from workspaces.admin.base import WorkspaceModelAdmin, time_column
from workspaces.admin.views import here
from workspaces.permissions import Permission
from workspaces.templatetags.console import pill_element


class InForceFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in_force", "In force"), ("released", "Released")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("in_force", "released"):
            return queryset
        return queryset.filter(released_at__isnull=self.value() == "in_force")


@admin.register(Hold)
class HoldAdmin(WorkspaceModelAdmin):
    """This workspace's holds and those over everything."""

    add_right = Permission.HOLD
    list_title = "Holds"
    list_display = ["address_column", "state", "reason", "set_by", "set_at_column", "released_by", "released"]
    list_filter = [InForceFilter, "scope"]
    search_fields = ["reason", "key", "release_reason"]
    list_select_related = ["set_by", "released_by", "workspace"]
    list_display_links = None
    ordering = ["-set_at"]
    empty_words = "Nothing is on hold, and nothing ever was."
    export_columns = [
        ("scope", lambda row: row.address),
        ("reason", lambda row: row.reason),
        ("set by", lambda row: row.set_by.label),
        ("set at", lambda row: row.set_at),
        ("released by", lambda row: row.released_by.label if row.released_by else ""),
        ("released at", lambda row: row.released_at),
        ("why released", lambda row: row.release_reason),
    ]

    set_at_column = staticmethod(time_column("set_at", "Set"))
    released = staticmethod(time_column("released_at", "Released"))

    @admin.display(description="What", ordering="scope")
    def address_column(self, obj: Hold) -> str:
        return obj.address

    @admin.display(description="State", ordering="released_at")
    def state(self, obj: Hold) -> str:
        return pill_element("stopped", "In force") if obj.released_at is None else pill_element("", "Released")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        mine = Q(workspace=here(request).workspace) | Q(workspace=None)
        return Hold.objects.filter(mine).order_by("-set_at")

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("set/", hold_pages.set_page, name="hold_set"),
            path("release/", hold_pages.release, name="hold_release"),
        ]
        return [*pages, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:hold_set"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        if self.get_object(request, object_id) is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(reverse("admin:execution_hold_changelist"))
