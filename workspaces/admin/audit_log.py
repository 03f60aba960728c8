"""The audit log in sentences."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from workspaces.admin.base import WorkspaceModelAdmin, time_column
from workspaces.admin.views import console_view, here, page
from workspaces.admin.words import sentence
from workspaces.audit.actions import registered
from workspaces.models import AuditBlock, AuditEntry
from workspaces.selectors import audit_entries
from workspaces.templatetags.console import relative


class ActionFilter(admin.SimpleListFilter):
    """By what was done, in the groups its name begins with."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = sorted({name.partition(".")[0] for name in registered()})
        return [(group, group.replace("_", " ").capitalize()) for group in groups]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() else queryset


class ViaFilter(admin.SimpleListFilter):
    title = "way in"
    parameter_name = "via"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ways = ("console", "api", "cli", "cron", "cluster", "agent", "python", "link")
        return [(way, way.capitalize()) for way in ways]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(via=self.value()) if self.value() else queryset


class SubjectFilter(admin.SimpleListFilter):
    """About one row: set by links, not offered."""

    title = "about"
    parameter_name = "subject"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", "This one")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            subject = UUID(self.value() or "")
        except ValueError:
            return queryset.none()
        workspace = here(request).workspace
        return queryset & audit_entries(workspace=workspace, subject_id=subject)


@admin.register(AuditEntry)
class AuditAdmin(WorkspaceModelAdmin):
    """Nobody changes it; the database forbids it too."""

    list_title = "Audit log"
    list_display = ["what_happened", "action", "via", "when"]
    list_display_links = ["what_happened"]
    list_filter = [ActionFilter, ViaFilter, SubjectFilter]
    search_fields = ["action", "actor__name"]
    search_help_text = "Action or who acted"
    ordering = ["-id"]
    list_select_related = ["actor"]
    export_columns = [
        ("at", lambda row: row.at),
        ("action", lambda row: row.action),
        ("who", lambda row: row.actor.label),
        ("via", lambda row: row.via),
        ("in words", sentence),
        ("about", lambda row: row.subject_id or row.subjects),
        ("data", lambda row: row.data),
        ("hash", lambda row: row.hash),
    ]

    when = staticmethod(time_column("at", "When"))

    @admin.display(description="What happened")
    def what_happened(self, obj: AuditEntry) -> str:
        return sentence(obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        entry = self.get_object(request, object_id)
        if entry is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        response: HttpResponseBase = entry_page(request, entry)
        return response


@console_view()
def entry_page(request: HttpRequest, entry: AuditEntry) -> HttpResponseBase:
    """One entry whole, with the act it was part of and its place in the sealed chain."""
    workspace = here(request).workspace
    together = audit_entries(workspace=workspace, correlation=entry.correlation).exclude(pk=entry.pk)[:20]
    newest = AuditBlock.objects.filter(chain=str(workspace.pk)).order_by("-number").first()
    return page(
        request,
        "console/entry.html",
        title=sentence(entry),
        crumbs=[("Audit log", reverse("admin:workspaces_auditentry_changelist"))],
        entry=entry,
        data=sorted(entry.data.items()),
        together=[(one, sentence(one)) for one in together],
        newest=newest,
        newest_words=relative(newest.sealed_at) if newest else "",
    )
