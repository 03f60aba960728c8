"""Suppressions: addresses that must not be written to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from contacts.models import Suppression
from contacts.selectors import suppressions
from contacts.services import lift_suppression, suppress
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, time_column
from workspaces.admin.views import console_view, done, explain, here, page
from workspaces.errors import CountersignError, NotFound, NotPermitted
from workspaces.permissions import Permission
from workspaces.templatetags.console import pill_element


class ActiveFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("lifted", "Lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("active", "lifted"):
            return queryset
        return queryset.filter(lifted_at__isnull=self.value() == "active")


class SuppressionForm(ServiceForm):
    """The address in any spelling."""

    address = forms.CharField(
        max_length=400,
        widget=UnfoldAdminTextInputWidget,
        help_text="An email address, a number such as +12025550123, or network:handle.",
    )


@admin.register(Suppression)
class SuppressionAdmin(ServiceModelAdmin):
    """Added here; lifted on its page, by a person who may decide."""

    form = SuppressionForm
    add_right = Permission.PROPOSE
    list_display = ["address_column", "kind", "reason", "state", "source", "created_by", "added"]
    list_display_links = ["address_column"]
    list_filter = [ActiveFilter, "reason", "kind"]
    search_fields = ["address"]
    search_help_text = "A whole address in any spelling, or a part of one"
    ordering = ["-id"]
    list_select_related = ["created_by"]
    fields = ["kind", "address", "reason", "source"]
    empty_words = "Nobody is suppressed."
    export_columns = [
        ("kind", lambda row: row.kind),
        ("address", lambda row: row.address or ""),
        ("reason", lambda row: row.reason),
        ("source", lambda row: row.source),
        ("since", lambda row: row.created_at),
        ("lifted at", lambda row: row.lifted_at),
        ("why lifted", lambda row: row.lifted_reason),
    ]

    added = staticmethod(time_column("created_at", "Since"))

    @admin.display(description="Address", ordering="address")
    def address_column(self, obj: Suppression) -> str:
        return obj.address or "erased address"

    @admin.display(description="State", ordering="lifted_at")
    def state(self, obj: Suppression) -> str:
        return pill_element("", "Lifted") if obj.lifted_at else pill_element("stopped", "Active")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if "@" in search_term or search_term.strip().startswith("+"):
            # Also an address kept as its hash alone, or written in another way.
            filed = suppressions(workspace=here(request).workspace, active=None, address=search_term)
            found = queryset.filter(
                pk__in=[*found.values_list("pk", flat=True)[:500], *filed.values_list("pk", flat=True)[:500]]
            )
        return found, duplicates

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Suppression:
        fields = form.cleaned_data
        return suppress(
            workspace=here(request).workspace,
            actor=here(request).actor,
            kind=fields["kind"],
            address=fields["address"],
            reason=fields["reason"],
            source=fields.get("source") or "Set in the console.",
        )

    def get_urls(self) -> list[URLPattern]:
        return [path("<uuid:object_id>/lift/", lift, name="suppression_lift"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("There is no such suppression in this workspace.")
        response: HttpResponseBase = suppression_page(request, row)
        return response


@console_view()
def suppression_page(request: HttpRequest, row: Suppression) -> HttpResponseBase:
    """One suppression, with the form that lifts it."""
    return page(
        request,
        "console/suppression.html",
        title=row.address or "An erased address",
        crumbs=[("Suppressions", reverse("admin:contacts_suppression_changelist"))],
        row=row,
        may_lift=row.lifted_at is None and here(request).actor.may(Permission.DECIDE),
    )


@console_view(permission=Permission.DECIDE, methods=("POST",))
def lift(request: HttpRequest, object_id: Any) -> HttpResponseBase:
    """Let the address be written to again."""
    try:
        lift_suppression(
            workspace=here(request).workspace,
            actor=here(request).actor,
            suppression_id=object_id,
            reason=request.POST.get("reason", ""),
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except NotFound:
        raise
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Lifted. The address may be written to again.")
    return HttpResponseRedirect(reverse("admin:contacts_suppression_change", args=[object_id]))
