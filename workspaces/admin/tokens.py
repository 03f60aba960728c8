"""Bearer tokens: shown once, when they are made."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from workspaces.admin.base import WorkspaceModelAdmin, time_column
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, explain, here, page, posted
from workspaces.errors import CountersignError, NotPermitted
from workspaces.models import Membership, PrincipalKind, Token
from workspaces.permissions import Permission
from workspaces.services import issue_token, revoke_token
from workspaces.templatetags.console import pill_element


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("good", "Good"), ("over", "Expired or revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        over = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now())
        match self.value():
            case "good":
                return queryset.exclude(over)
            case "over":
                return queryset.filter(over)
        return queryset


@admin.register(Token)
class TokenAdmin(WorkspaceModelAdmin):
    """One's own; everybody's for whoever manages members."""

    workspace_lookup = "membership__workspace"
    list_title = "Tokens"
    list_display = ["name", "whose", "hint", "state", "used", "expires", "made"]
    list_display_links = ["name"]
    list_filter = [StateFilter]
    search_fields = ["name", "membership__principal__name"]
    search_help_text = "Name of the token or its owner"
    list_select_related = ["membership__principal"]
    ordering = ["-created_at"]
    empty_words = "No tokens. Make one for a client of the API."
    add_right = Permission.VIEW
    export_columns = [
        ("name", lambda row: row.name),
        ("whose", lambda row: row.membership.principal.label),
        ("begins with", lambda row: row.hint),
        ("made at", lambda row: row.created_at),
        ("last used at", lambda row: row.last_used_at),
        ("expires at", lambda row: row.expires_at),
        ("revoked at", lambda row: row.revoked_at),
    ]

    used = staticmethod(time_column("last_used_at", "Last used"))
    expires = staticmethod(time_column("expires_at", "Expires"))
    made = staticmethod(time_column("created_at", "Made"))

    @admin.display(description="Whose")
    def whose(self, obj: Token) -> str:
        return obj.membership.principal.label

    @admin.display(description="State")
    def state(self, obj: Token) -> str:
        return token_state(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        actor = here(request).actor
        return rows if actor.may(Permission.MEMBERS) else rows.filter(membership__principal_id=actor.principal_id)

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("new/", new_token, name="token_new"),
            path("<uuid:object_id>/revoke/", revoke, name="token_revoke"),
        ]
        return [*pages, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:token_new"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        token = self.get_object(request, object_id)
        if token is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        response: HttpResponseBase = token_page(request, token)
        return response


def token_state(token: Token) -> str:
    """Good, expired or revoked, as a label."""
    if token.revoked_at:
        return pill_element("stopped", "Revoked")
    if token.expires_at and token.expires_at <= timezone.now():
        return pill_element("", "Expired")
    return pill_element("active", "Good")


class TokenForm(ConsoleForm):
    """For whom, what for, and how long."""

    membership = forms.ChoiceField(label="For whom", help_text="It may do what this member may do.")
    name = forms.CharField(max_length=80, label="What it is for", help_text="Such as “CRM sync”.")
    days = forms.ChoiceField(
        choices=[("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Until revoked")],
        required=False,
        initial="90",
        label="Good for",
    )


@console_view()
def token_page(request: HttpRequest, token: Token) -> HttpResponseBase:
    """One token: whose it is and whether it is good. Its secret is not kept."""
    return page(
        request,
        "console/token.html",
        title=token.name,
        crumbs=[("Tokens", reverse("admin:workspaces_token_changelist"))],
        token=token,
        state=token_state(token),
        is_over=token.revoked_at is not None,
    )


@console_view(methods=("GET", "HEAD", "POST"))
def new_token(request: HttpRequest) -> HttpResponseBase:
    """Make a token. The answer to the POST is the only page that ever shows it."""
    members = _members(request)
    form = TokenForm(posted(request))
    form.fields["membership"].choices = [(str(one.pk), one.principal.label) for one in members]  # type: ignore[attr-defined]
    secret = ""
    if request.method == "POST" and form.is_valid():
        wanted = next(one for one in members if str(one.pk) == form.cleaned_data["membership"])
        days = form.cleaned_data["days"]
        try:
            _, secret = issue_token(
                membership=wanted,
                name=form.cleaned_data["name"],
                actor=here(request).actor,
                expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
            )
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
    return page(
        request,
        "console/token_new.html",
        title="New token",
        status=400 if form.errors else 200,
        crumbs=[("Tokens", reverse("admin:workspaces_token_changelist"))],
        form=form,
        secret=secret,
    )


def _members(request: HttpRequest) -> list[Membership]:
    """Whom this member may make a token for: themselves, and services where they manage members."""
    workspace, actor = here(request).workspace, here(request).actor
    rows = Membership.objects.select_related("principal", "workspace").filter(workspace=workspace, is_active=True)
    own = Q(principal_id=actor.principal_id)
    if actor.may(Permission.MEMBERS):
        own |= ~Q(kind=PrincipalKind.PERSON)
    return sorted(rows.filter(own), key=lambda one: (one.principal_id != actor.principal_id, one.principal.label))


@console_view(methods=("POST",))
def revoke(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Make it worthless from the next call on."""
    rows = Token.objects.select_related("membership__principal").filter(
        membership__workspace=here(request).workspace,
        pk=object_id,
    )
    token = rows.first()
    if token is None:
        raise Http404("There is no such token in this workspace.")
    try:
        revoke_token(token=token, actor=here(request).actor)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, f"“{token.name}” is revoked.")
    return HttpResponseRedirect(reverse("admin:workspaces_token_changelist"))
