"""Limits: at most so many acts in any window of so long."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from execution.models import Limit
from execution.selectors import limits_of
from execution.services.limits import set_limit
from workspaces.admin.base import ServiceForm, ServiceModelAdmin
from workspaces.admin.spans import SpanField
from workspaces.admin.views import here
from workspaces.permissions import Permission
from workspaces.templatetags.console import duration


class LimitForm(ServiceForm):
    """The window is said in its unit."""

    period_seconds = SpanField(label="In any", help_text="The window slides: not a day by the calendar, any 24 hours.")


@admin.register(Limit)
class LimitAdmin(ServiceModelAdmin):
    """Exact over all workers; a change counts from the next act on."""

    form = LimitForm
    change_right = add_right = Permission.MANAGE
    list_title = "Limits"
    list_display = ["name", "scope", "count", "period_column"]
    search_fields = ["name", "scope"]
    list_filter = [("scope", admin.AllValuesFieldListFilter)]
    fields = ["name", "scope", "count", "period_seconds"]

    @admin.display(description="In any", ordering="period_seconds")
    def period_column(self, obj: Limit) -> str:
        return duration(obj.period_seconds)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Limit]:
        return super().get_queryset(request) & limits_of(workspace=here(request).workspace)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Limit:
        fields = dict(form.cleaned_data)
        name = fields.pop("name", None) or obj.name
        return set_limit(workspace=here(request).workspace, actor=here(request).actor, name=name, **fields)
