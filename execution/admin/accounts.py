"""Provider accounts: a secret goes in and is never shown again."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from execution.channels import registry as channels
from execution.engine.warm_up import ramp_of
from execution.models import AccountState, ProviderAccount
from execution.providers import registry as providers
from execution.services.accounts import resume_account, save_account, stop_account
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, pill_column
from workspaces.admin.views import console_view, done, explain, here
from workspaces.clock import database_now
from workspaces.errors import CountersignError, NotFound, NotPermitted
from workspaces.permissions import Permission

_FIELDS = [
    ("name", "is_default"),
    ("channel", "provider"),
    ("host", "port"),
    ("security", "max_connections"),
    ("from_name", "from_email"),
    "options",
]
_WARM_UP = [("warm_up_started_on", "warm_up_target"), ("warm_up_first_day", "warm_up_growth_percent")]
_MAY_BE_BLANK = {"warm_up_first_day", "warm_up_growth_percent"}


class AccountForm(ServiceForm):
    """The secret is write-only: blank leaves what is stored, and so it does for the warm-up's figures."""

    channel = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    provider = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    new_secret = forms.CharField(
        required=False,
        strip=False,
        label="Password or key",
        help_text="Encrypted, and never shown again. Blank: what is stored stays.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
    )

    class Meta:
        labels: ClassVar = {
            "warm_up_started_on": "First used on",
            "warm_up_first_day": "On the first day",
            "warm_up_growth_percent": "Growth in percent",
            "warm_up_target": "Over at",
        }
        help_texts: ClassVar = {
            "warm_up_started_on": "A new sender address begins with few a day and grows. Empty: no warm-up.",
        }
        widgets: ClassVar = {
            "warm_up_started_on": UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "channel" in self.fields:
            self.fields["channel"].choices = [(name, channels.get(name).label) for name in channels.names()]  # type: ignore[attr-defined]
            self.fields["provider"].choices = [(name, name) for name in providers.names()]  # type: ignore[attr-defined]
        for name in _MAY_BE_BLANK & set(self.fields):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in _MAY_BE_BLANK & set(cleaned):
            if cleaned[name] is None:
                cleaned[name] = getattr(self.instance, name)
        return cleaned


@admin.register(ProviderAccount)
class AccountAdmin(ServiceModelAdmin):
    """What is approved under another host, user or sender goes back to its gate."""

    form = AccountForm
    change_right = add_right = Permission.MANAGE
    list_title = "Accounts"
    list_display = ["name", "channel", "provider", "host", "from_email", "is_default", "state_column"]
    list_filter = ["channel", "provider", "state"]
    search_fields = ["name", "host", "from_email"]
    change_form_outer_before_template = "console/_account_form.html"
    change_form_before_template = "console/_account_state.html"
    empty_words = "No accounts of this workspace's own. Mail goes through the installation's default."
    export_columns = [
        ("name", lambda row: row.name),
        ("channel", lambda row: row.channel),
        ("provider", lambda row: row.provider),
        ("host", lambda row: row.host),
        ("from", lambda row: row.from_email),
        ("default", lambda row: row.is_default),
        ("state", lambda row: row.state),
    ]

    state_column = staticmethod(pill_column("state", "State"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        secret = [("username", "new_secret")] if self.has_change_permission(request, obj) else []
        return [
            (None, {"fields": [*_FIELDS[:3], *secret, *_FIELDS[3:]]}),
            ("Pace", {"fields": ["per_second"]}),
            ("Warm-up", {"fields": _WARM_UP}),
        ]

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> ProviderAccount:
        fields = dict(form.cleaned_data)
        secret = fields.pop("new_secret", "") or None
        return save_account(
            workspace=here(request).workspace,
            actor=here(request).actor,
            account_id=obj.pk if obj else None,
            secret=secret,
            **fields,
        )

    def get_urls(self) -> list[URLPattern]:
        return [path("<uuid:object_id>/state/", set_state, name="account_state"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        actor = here(request).actor
        context["warm_up"] = _warm_up_words(obj) if obj is not None else ""
        context["may_stop"] = obj is not None and obj.state == AccountState.ACTIVE and actor.may(Permission.HOLD)
        context["may_resume"] = obj is not None and obj.state == AccountState.STOPPED and actor.may(Permission.RELEASE)
        return super().render_change_form(request, context, *args, **kwargs)


def _warm_up_words(account: ProviderAccount) -> str:
    ramp = ramp_of(account=account, zone=account.workspace.time_zone)
    if ramp is None:
        return ""
    now = database_now()
    if ramp.is_over(now):
        return "Its warm-up is over."
    return f"It is warming up: {ramp.places(now)} in 24 hours today."


@console_view(methods=("POST",))
def set_state(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Stop using an account, or use it again."""
    who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
    try:
        if request.POST.get("state") == AccountState.STOPPED:
            stop_account(**who, account_id=object_id, reason=request.POST.get("reason", "") or "Stopped by hand.")
            done(request, "Stopped. What it would send waits.")
        else:
            resume_account(**who, account_id=object_id)
            done(request, "In use again. What waited for it is looked at now.")
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except NotFound:
        raise
    except CountersignError as error:
        explain(request, error)
    return HttpResponseRedirect(reverse("admin:execution_provideraccount_change", args=[object_id]))
