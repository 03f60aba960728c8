"""Where alerts go besides the console, and the ladder they climb. A URL goes in and is never shown again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminPasswordWidget

from execution.models import AlertRoute, EscalationStep
from execution.services.alert_routes import remove_step, save_route, save_step, try_route
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, pill_column
from workspaces.admin.views import console_view, done, explain, here
from workspaces.errors import CountersignError, InvalidInput, NotFound
from workspaces.models import Principal, PrincipalKind
from workspaces.permissions import Permission


class RouteForm(ServiceForm):
    """The URL is write-only: blank leaves what is stored."""

    url = forms.CharField(
        required=False,
        strip=True,
        label="Apprise URL",
        help_text="Such as slack://…, discord://…, mailtos://… or jsons://host/path. Encrypted, and never shown again. "
        "Blank: what is stored stays.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}, render_value=False),
    )


@admin.register(AlertRoute)
class AlertRouteAdmin(ServiceModelAdmin):
    """Ways out of the console."""

    form = RouteForm
    change_right = add_right = Permission.MANAGE
    list_title = "Alert routes"
    list_display = ["name", "scheme", "severity_column", "is_active"]
    list_filter = ["severity", "is_active"]
    search_fields = ["name"]
    fields = ["name", "url", "severity", "is_active"]
    change_form_outer_before_template = "console/_route_form.html"
    change_form_before_template = "console/_route_state.html"
    empty_words = "No routes of this workspace's own. Alerts go where the installation sends them, and under the bell."
    export_columns = [
        ("name", lambda row: row.name),
        ("kind", lambda row: row.scheme),
        ("from", lambda row: row.severity),
        ("in use", lambda row: row.is_active),
    ]

    severity_column = staticmethod(pill_column("severity", "From"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fields
        return [field for field in self.fields if field != "url"]

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> AlertRoute:
        return save_route(
            workspace=here(request).workspace,
            actor=here(request).actor,
            route_id=obj.pk if obj else None,
            **form.cleaned_data,
        )

    def get_urls(self) -> list[URLPattern]:
        return [path("<uuid:object_id>/test/", test, name="alert_route_test"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["may_test"] = here(request).actor.may(Permission.MANAGE)
        return super().render_change_form(request, context, *args, **kwargs)


@console_view(permission=Permission.MANAGE, methods=("POST",))
def test(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Send a test message and say what came of it."""
    try:
        wrong = try_route(workspace=here(request).workspace, actor=here(request).actor, route_id=object_id)
    except NotFound:
        raise
    except CountersignError as error:
        explain(request, error)
    else:
        if wrong:
            explain(request, InvalidInput(f"The test did not go out. {wrong}"))
        else:
            done(request, "The service took the test message. See that it arrived.")
    return HttpResponseRedirect(reverse("admin:execution_alertroute_change", args=[object_id]))


class StepForm(ServiceForm):
    """Severity and minutes, and at most one place and one person; none means everywhere."""


@admin.register(EscalationStep)
class EscalationStepAdmin(ServiceModelAdmin):
    """The ladder. A severity without steps here has the default one."""

    form = StepForm
    change_right = add_right = Permission.MANAGE
    list_title = "Alert ladder"
    list_display = ["__str__", "severity_column", "after_minutes", "where"]
    list_filter = ["severity"]
    list_select_related = ["route", "person"]
    fields = ["severity", "after_minutes", "route", "person"]
    change_form_outer_before_template = "console/_step_form.html"
    change_form_before_template = "console/_step_state.html"
    empty_words = (
        "No steps of this workspace's own: everywhere at once; what is critical again after 10 and 30 minutes, then "
        "also to the person that escalations go to."
    )

    severity_column = staticmethod(pill_column("severity", "Severity"))

    @admin.display(description="Told")
    def where(self, obj: EscalationStep) -> str:
        told = [obj.route.name if obj.route else "", obj.person.label if obj.person else ""]
        return ", ".join(filter(None, told)) or "everywhere"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "person" and field is not None:
            field.queryset = Principal.objects.filter(
                kind=PrincipalKind.PERSON,
                is_active=True,
                memberships__workspace=here(request).workspace,
                memberships__is_active=True,
            )
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        # Routes and people have lists of their own; a window from here would open them without their words.
        for wish in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if field is not None and hasattr(field.widget, wish):
                setattr(field.widget, wish, False)
        return field

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> EscalationStep:
        return save_step(
            workspace=here(request).workspace,
            actor=here(request).actor,
            step_id=obj.pk if obj else None,
            **form.cleaned_data,
        )

    def get_urls(self) -> list[URLPattern]:
        return [path("<uuid:object_id>/remove/", remove, name="escalation_remove"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["may_remove"] = here(request).actor.may(Permission.MANAGE)
        return super().render_change_form(request, context, *args, **kwargs)


@console_view(permission=Permission.MANAGE, methods=("POST",))
def remove(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Take a step out of the ladder."""
    remove_step(workspace=here(request).workspace, actor=here(request).actor, step_id=object_id)
    done(request, "Removed.")
    return HttpResponseRedirect(reverse("admin:execution_escalationstep_changelist"))
