"""Gates: who may open one, how many it takes, how soon, who is next."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from execution.models import GateDefinition
from execution.services.gates import update_gate
from workspaces.admin.base import ServiceForm, ServiceModelAdmin
from workspaces.admin.views import here
from workspaces.models import Role
from workspaces.permissions import RIGHTS, Permission
from workspaces.templatetags.console import duration

_DECIDING = [(role.value, role.label) for role in Role if Permission.DECIDE in RIGHTS[role]]


class GateForm(ServiceForm):
    """Roles are ticked, not typed."""

    roles = forms.MultipleChoiceField(
        choices=_DECIDING, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="Whose members may open it."
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
    fields = ["name", "label", "roles", "quorum", "answer_within_seconds", "expires_after_seconds", "escalate_to"]

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

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> GateDefinition:
        changes = dict(form.cleaned_data)
        name = changes.pop("name", None) or obj.name
        return update_gate(workspace=here(request).workspace, actor=here(request).actor, name=name, **changes)
