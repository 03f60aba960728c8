"""Hours: when a channel may reach people."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from execution.channels import registry
from execution.models import SendWindow
from execution.services.windows import set_window
from workspaces.admin.base import ServiceForm, ServiceModelAdmin
from workspaces.admin.views import here
from workspaces.permissions import Permission

_DAYS = list(zip("0123456", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))


class WeekdaysField(forms.MultipleChoiceField):
    """Weekdays to tick, kept as their digits."""

    def prepare_value(self, value: Any) -> Any:
        return list(value or "")

    def clean(self, value: Any) -> Any:
        return "".join(super().clean(value))


class WindowForm(ServiceForm):
    """Channel and weekdays are chosen, not typed."""

    channel = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    weekdays = WeekdaysField(choices=_DAYS, widget=UnfoldAdminCheckboxSelectMultipleWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(channel := self.fields.get("channel"), forms.ChoiceField):
            channel.choices = [(name, registry.get(name).label) for name in registry.names()]


@admin.register(SendWindow)
class WindowAdmin(ServiceModelAdmin):
    """By the recipient's clock; text messages and calls keep to the law's hours besides."""

    form = WindowForm
    change_right = add_right = Permission.MANAGE
    list_title = "Hours"
    empty_words = "No channel has hours of its own. Text messages and calls go from 8:00 to 21:00 in any case."
    list_display: Sequence[str] = ["channel", "days_column", "opens_column", "closes_column"]
    search_fields = ["channel"]
    list_filter = [("channel", admin.AllValuesFieldListFilter)]
    fields = ["channel", "weekdays", "opens", "closes"]

    @admin.display(description="On", ordering="weekdays")
    def days_column(self, obj: SendWindow) -> str:
        return ", ".join(word for digit, word in _DAYS if digit in obj.weekdays)

    @admin.display(description="From", ordering="opens")
    def opens_column(self, obj: SendWindow) -> str:
        return f"{obj.opens:%H:%M}"

    @admin.display(description="Up to", ordering="closes")
    def closes_column(self, obj: SendWindow) -> str:
        return f"{obj.closes:%H:%M}"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["channel"] if obj else []

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> SendWindow:
        given = dict(form.cleaned_data)
        channel = given.pop("channel", None) or obj.channel
        return set_window(workspace=here(request).workspace, actor=here(request).actor, channel=channel, **given)
