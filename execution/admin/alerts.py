"""Alerts: what a person should know, until somebody says they have seen it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse

from execution.alerts.kinds import kind_named
from execution.models import Alert, AlertDelivery, AlertRoute
from execution.services.alerts import acknowledge
from workspaces.admin.base import WorkspaceModelAdmin, pill_column, time_column
from workspaces.admin.views import back_to, console_view, done, explain, here, page
from workspaces.errors import CountersignError, NotFound, NotPermitted
from workspaces.models import Principal
from workspaces.permissions import Permission
from workspaces.templatetags.console import pill_element


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("seen", "Acknowledged"), ("over", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return queryset.filter(acknowledged_at=None, resolved_at=None)
            case "seen":
                return queryset.filter(acknowledged_at__isnull=False)
            case "over":
                return queryset.filter(resolved_at__isnull=False)
        return queryset


@admin.register(Alert)
class AlertAdmin(WorkspaceModelAdmin):
    """Newest news first."""

    list_title = "Alerts"
    list_display = ["title", "severity_column", "state", "count", "acknowledged_by", "first", "last"]
    list_filter = [OpenFilter, "severity", ("kind", admin.AllValuesFieldListFilter)]
    search_fields = ["title", "detail"]
    ordering = ["-last_at"]
    list_select_related = ["acknowledged_by"]
    empty_words = "No alerts. All is well."

    severity_column = staticmethod(pill_column("severity", "Severity"))
    first = staticmethod(time_column("first_at", "First"))
    last = staticmethod(time_column("last_at", "Last"))

    @admin.display(description="State")
    def state(self, obj: Alert) -> str:
        if obj.resolved_at:
            return pill_element("done", "Over")
        return pill_element("", "Acknowledged") if obj.acknowledged_at else pill_element("open", "Open")

    def get_urls(self) -> list[URLPattern]:
        return [path("<uuid:object_id>/acknowledge/", seen, name="alert_acknowledge"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        alert = self.get_object(request, object_id)
        if alert is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        response: HttpResponseBase = alert_page(request, alert)
        return response


@console_view()
def alert_page(request: HttpRequest, alert: Alert) -> HttpResponseBase:
    """One alert whole, with the request it is about."""
    address = reverse("admin:execution_executionrequest_change", args=[alert.request_id]) if alert.request_id else ""
    return page(
        request,
        "console/alert.html",
        title=alert.title,
        crumbs=[("Alerts", reverse("admin:execution_alert_changelist"))],
        alert=alert,
        request_address=address,
        may_acknowledge=here(request).actor.may(Permission.HOLD),
        kind=kind_named(alert.kind),
        deliveries=_deliveries(alert),
    )


def _deliveries(alert: Alert) -> list[tuple[str, AlertDelivery]]:
    """The last messages about it, each with the name of its way out."""
    rows = list(AlertDelivery.objects.filter(alert=alert).order_by("-id")[:20])
    keys = [row.target.partition(":")[2] for row in rows if row.target.startswith("route:")]
    routes = {str(pk): name for pk, name in AlertRoute.objects.filter(pk__in=keys).values_list("pk", "name")}
    people = [row.target.partition(":")[2] for row in rows if row.target.startswith("person:")]
    labels = {str(person.pk): person.label for person in Principal.objects.filter(pk__in=people)}
    return [(_way_out(row.target, routes=routes, labels=labels), row) for row in rows]


def _way_out(target: str, *, routes: dict[str, str], labels: dict[str, str]) -> str:
    word, _, key = target.partition(":")
    names = {
        "route": f"Route {routes.get(key, '')}",
        "person": f"Mail to {labels.get(key, '')}",
        "env": "The installation's chat or webhook",
        "mail": "The installation's mailbox",
    }
    return names.get(word, target)


@console_view(methods=("POST",))
def seen(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Somebody has seen it."""
    try:
        acknowledge(workspace=here(request).workspace, actor=here(request).actor, alert_id=object_id)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except NotFound:
        raise
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Acknowledged.")
    return back_to(request, otherwise=reverse("admin:execution_alert_changelist"))
