"""Message templates, and a person's approval of one for running alone."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from execution.models import MessageTemplate
from execution.services.facts import template_digest
from execution.services.templates import approve_template, save_template
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, time_column
from workspaces.admin.views import console_view, done, explain, here
from workspaces.errors import CountersignError, NotFound, NotPermitted
from workspaces.permissions import Permission
from workspaces.templatetags.console import pill_element


@admin.register(MessageTemplate)
class TemplateAdmin(ServiceModelAdmin):
    """An edit voids the approval."""

    change_right = add_right = Permission.PROPOSE
    list_title = "Templates"
    list_display = ["name", "subject", "alone", "approved_by", "updated"]
    search_fields = ["name", "subject", "text"]
    list_filter = [("approved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["approved_by"]
    fields = ["name", "subject", "text"]
    change_form_outer_before_template = "console/_template_form.html"
    change_form_before_template = "console/_template_state.html"
    empty_words = "No templates. One that a person approved lets its exact text go by itself, such as a FAQ reply."

    updated = staticmethod(time_column("updated_at", "Changed"))

    @admin.display(description="Runs alone", ordering="approved_at")
    def alone(self, obj: MessageTemplate) -> str:
        return pill_element("approved", "Yes") if _covers(obj) else pill_element("", "No")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> MessageTemplate:
        fields = dict(form.cleaned_data)
        name = fields.pop("name", None) or obj.name
        return save_template(workspace=here(request).workspace, actor=here(request).actor, name=name, **fields)

    def get_urls(self) -> list[URLPattern]:
        return [path("<uuid:object_id>/approve/", let_run_alone, name="template_approve"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None:
            actor = here(request).actor
            context["template_digest"] = template_digest(subject=obj.subject, text=obj.text)
            context["runs_alone"] = _covers(obj)
            context["may_approve"] = actor.may(Permission.DECIDE) and obj.saved_by_id != actor.principal_id
        return super().render_change_form(request, context, *args, **kwargs)


def _covers(template: MessageTemplate) -> bool:
    shown = template_digest(subject=template.subject, text=template.text)
    return template.approved_at is not None and template.approved_digest == shown


@console_view(methods=("POST",))
def let_run_alone(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """A person approves the text shown, by its digest."""
    try:
        approve_template(
            workspace=here(request).workspace,
            actor=here(request).actor,
            template_id=object_id,
            digest=request.POST.get("digest", ""),
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except NotFound:
        raise
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Mails that are exactly this template now go by themselves.")
    return HttpResponseRedirect(reverse("admin:execution_messagetemplate_change", args=[object_id]))
