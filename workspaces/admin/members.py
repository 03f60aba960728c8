"""Members: people, services and agents, and what each may do."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from workspaces.admin.base import ServiceForm, ServiceModelAdmin, time_column
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, here, page, posted
from workspaces.errors import CountersignError, NotPermitted
from workspaces.models import Membership, PrincipalKind, Role, User
from workspaces.permissions import RIGHTS, Permission
from workspaces.services import add_person, add_service, change_member
from workspaces.templatetags.console import pill_element

_ROLES = [(role.value, role.label) for role in Role if role != Role.SERVICE]


class MemberForm(ServiceForm):
    """A role and a switch."""


@admin.register(Membership)
class MemberAdmin(ServiceModelAdmin):
    """A role's change takes effect on the next request and on the next send."""

    form = MemberForm
    change_right = add_right = Permission.MEMBERS
    list_title = "Members"
    list_display = ["who", "name", "role_column", "kind_column", "state", "since", "seen"]
    list_display_links = ["who"]
    list_filter = ["role", ("kind", admin.AllValuesFieldListFilter), "is_active"]
    search_fields = ["principal__name", "principal__user__first_name", "principal__user__last_name"]
    search_help_text = "Name"
    list_select_related = ["principal__user", "workspace"]
    ordering = ["principal__kind", "principal__name"]
    fields = ["role", "is_active"]
    export_columns = [
        ("who", lambda row: row.principal.label),
        ("name", lambda row: str(row.principal.user or "")),
        ("role", lambda row: row.role),
        ("active", lambda row: row.is_active),
        ("since", lambda row: row.created_at),
        ("last seen", lambda row: row.last_seen_at),
    ]

    since = staticmethod(time_column("created_at", "Since"))
    seen = staticmethod(time_column("last_seen_at", "Last seen"))

    @admin.display(description="Member", ordering="principal__name")
    def who(self, obj: Membership) -> str:
        return obj.principal.label

    @admin.display(description="Name")
    def name(self, obj: Membership) -> str:
        return str(obj.principal.user) if obj.principal.user else ""

    @admin.display(description="Role", ordering="role")
    def role_column(self, obj: Membership) -> str:
        return obj.get_role_display()

    @admin.display(description="Kind", ordering="kind")
    def kind_column(self, obj: Membership) -> str:
        return PrincipalKind(obj.kind).label

    @admin.display(description="State", ordering="is_active")
    def state(self, obj: Membership) -> str:
        on = obj.is_active and obj.principal.is_active
        return pill_element("active", "Active") if on else pill_element("stopped", "Switched off")

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            kwargs["choices"] = Role.choices
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Membership:
        return change_member(
            membership=obj,
            actor=here(request).actor,
            role=form.cleaned_data["role"],
            is_active=form.cleaned_data["is_active"],
        )

    def get_urls(self) -> list[URLPattern]:
        return [path("new/", add_member, name="member_add"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:member_add"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("principal__user", "workspace")


class AddMemberForm(ConsoleForm):
    """A person with a login, new or known, or a service."""

    kind = forms.ChoiceField(
        choices=[("person", "A person"), ("service", "A service: an API or MCP client")], label="Who", initial="person"
    )
    name = forms.CharField(max_length=150, label="User name, or the service's name")
    full_name = forms.CharField(max_length=150, required=False, label="Full name", help_text="For a new login.")
    email = forms.EmailField(required=False, help_text="For a new login.")
    password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label="First password",
        help_text="For a new login; they change it after logging in. Blank where the login exists.",
    )
    role = forms.ChoiceField(
        choices=_ROLES, initial=Role.APPROVER, help_text="A service never decides, whatever is chosen."
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind") == "person" and cleaned.get("name") and not self.known():
            try:
                validate_password(cleaned.get("password") or "", User(username=cleaned["name"]))
            except ValidationError as error:
                self.add_error("password", error)
            try:
                User.username_validator(cleaned["name"])
            except ValidationError as error:
                self.add_error("name", error)
        return cleaned

    def known(self) -> User | None:
        """The login of that name, where there is one."""
        return User.objects.filter(username=self.cleaned_data.get("name", "")).first()


@console_view(permission=Permission.MEMBERS, methods=("GET", "HEAD", "POST"))
def add_member(request: HttpRequest) -> HttpResponseBase:
    """Let a person or a service in."""
    form = AddMemberForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            member = _add(request, form)
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
        except CountersignError as error:
            form.take(error)
        else:
            done(request, f"{member.principal.label} is a member now.")
            return HttpResponseRedirect(reverse("admin:workspaces_membership_changelist"))
    roles = [(role.label, sorted(right.in_words for right in RIGHTS[role])) for role in Role]
    return page(
        request,
        "console/member.html",
        title="Add a member",
        status=400 if form.errors else 200,
        crumbs=[("Members", reverse("admin:workspaces_membership_changelist"))],
        form=form,
        roles=roles,
    )


def _add(request: HttpRequest, form: AddMemberForm) -> Membership:
    workspace, actor, data = here(request).workspace, here(request).actor, form.cleaned_data
    if data["kind"] == "service":
        return add_service(workspace=workspace, name=data["name"], actor=actor)
    with transaction.atomic():
        user = form.known()
        if user is None:
            first, _, last = data["full_name"].partition(" ")
            user = User.objects.create_user(
                data["name"], email=data["email"], password=data["password"], first_name=first, last_name=last
            )
        return add_person(workspace=workspace, user=user, role=data["role"], actor=actor)
