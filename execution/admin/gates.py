"""Gates: who may open one, how many it takes, how soon, who is next."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from execution.models import GateDefinition
from execution.services.gates import update_gate
from workspaces.admin.base import ServiceForm, ServiceModelAdmin
from workspaces.admin.spans import SpanField
from workspaces.admin.views import here
from workspaces.models import Role
from workspaces.permissions import RIGHTS, Permission
from workspaces.selectors import people_who_may
from workspaces.templatetags.console import duration

_DECIDING = [(role.value, role.label) for role in Role if Permission.DECIDE in RIGHTS[role]]


class GateForm(ServiceForm):
    """Roles are ticked, times are said in their units, and whom it escalates to is chosen: nothing is typed."""

    roles = forms.MultipleChoiceField(
        choices=_DECIDING, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="Whose members may open it."
    )
    answer_within_seconds = SpanField(label="Answer within", help_text="When it is over, people are told.")
    expires_after_seconds = SpanField(
        label="Expires after",
        help_text="An unanswered request expires after this; so does an approval not carried out.",
    )


@admin.register(GateDefinition)
class GateAdmin(ServiceModelAdmin):
    """Administrators change gates; those already open keep the number of people they asked for."""

    form = GateForm
    change_right = add_right = Permission.MANAGE
    list_title = "Gates"
    list_display = ["name", "label", "roles_column", "quorum", "answer_column", "expires_column", "escalate_to"]
    search_fields = ["name", "label"]
    list_filter = ["quorum"]
    fields = ["name", "label", "roles", "quorum", "answer_within_seconds", "escalate_to", "expires_after_seconds"]

    @admin.display(description="Opened by")
    def roles_column(self, obj: GateDefinition) -> str:
        names = dict(_DECIDING)
        return ", ".join(names.get(role, role) for role in obj.roles)

    @admin.display(description="Answer within", ordering="answer_within_seconds")
    def answer_column(self, obj: GateDefinition) -> str:
        return duration(obj.answer_within_seconds)

    @admin.display(description="Expires after", ordering="expires_after_seconds")
    def expires_column(self, obj: GateDefinition) -> str:
        return duration(obj.expires_after_seconds)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "escalate_to":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        people = people_who_may(workspace=here(request).workspace, permission=Permission.VIEW)
        return forms.ChoiceField(
            choices=[("", "Nobody besides"), *((person.name, person.name) for person in people)],
            required=False,
            widget=UnfoldAdminSelectWidget,
            label="Then tell",
            help_text="Who is told, besides everybody else, when nobody answered in time.",
        )

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> GateDefinition:
        changes = dict(form.cleaned_data)
        name = changes.pop("name", None) or obj.name
        return update_gate(workspace=here(request).workspace, actor=here(request).actor, name=name, **changes)
