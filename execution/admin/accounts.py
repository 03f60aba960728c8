"""Provider accounts: a secret goes in and is never shown again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from execution.channels import registry as channels
from execution.models import AccountState, ProviderAccount
from execution.providers import registry as providers
from execution.services.accounts import resume_account, save_account, stop_account
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, pill_column
from workspaces.admin.views import console_view, done, explain, here
from workspaces.errors import CountersignError, NotFound, NotPermitted
from workspaces.permissions import Permission


class AccountForm(ServiceForm):
    """The secret is write-only: blank leaves what is stored."""

    channel = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    provider = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    new_secret = forms.CharField(
        required=False,
        strip=False,
        label="Password or key",
        help_text="Encrypted, and never shown again. Blank: what is stored stays.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "channel" in self.fields:
            self.fields["channel"].choices = [(name, channels.get(name).label) for name in channels.names()]  # type: ignore[attr-defined]
            self.fields["provider"].choices = [(name, name) for name in providers.names()]  # type: ignore[attr-defined]


@admin.register(ProviderAccount)
class AccountAdmin(ServiceModelAdmin):
    """What is approved under another host, user or sender goes back to its gate."""

    form = AccountForm
    change_right = add_right = Permission.MANAGE
    list_title = "Accounts"
    list_display = ["name", "channel", "provider", "host", "from_email", "is_default", "state_column"]
    list_filter = ["channel", "provider", "state"]
    search_fields = ["name", "host", "from_email"]
    fields = [
        ("name", "is_default"),
        ("channel", "provider"),
        ("host", "port"),
        ("username", "new_secret"),
        ("security", "max_connections"),
        ("from_name", "from_email"),
        "options",
    ]
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

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fields
        return [pair for pair in self.fields if pair != ("username", "new_secret")]

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
        context["may_stop"] = obj is not None and obj.state == AccountState.ACTIVE and actor.may(Permission.HOLD)
        context["may_resume"] = obj is not None and obj.state == AccountState.STOPPED and actor.may(Permission.RELEASE)
        return super().render_change_form(request, context, *args, **kwargs)


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
