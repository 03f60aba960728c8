"""Contacts: the list, the form and the export."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from contacts.admin import contact_page
from contacts.models import Contact, ContactKind
from contacts.selectors import search_contacts, tags_in_use
from contacts.services import create_contact, export_contacts, update_contact
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, pill_column, time_column
from workspaces.admin.views import here
from workspaces.errors import NotPermitted
from workspaces.permissions import Permission


class TagFilter(admin.SimpleListFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = tags_in_use(workspace=here(request).workspace)[:200]
        return [(slug, f"{slug} ({number})") for slug, number in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        workspace = here(request).workspace
        return queryset.filter(tags__slug=self.value(), tags__workspace=workspace)


class SuppressedFilter(admin.SimpleListFilter):
    title = "suppression"
    parameter_name = "suppressed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Suppressed"), ("no", "May be written to")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        wanted = search_contacts(workspace=here(request).workspace, suppressed=self.value() == "yes")
        return queryset.filter(pk__in=wanted.order_by().values("pk"))


class ContactForm(ServiceForm):
    """Tags as words, with spaces or commas between."""

    tags = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Lower-case words, with commas between."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding and "tags" in self.fields:
            self.initial["tags"] = ", ".join(tag.slug for tag in self.instance.tags.all())


@admin.register(Contact)
class ContactAdmin(ServiceModelAdmin):
    """Erased contacts stay, blank, for the history's sake."""

    form = ContactForm
    change_right = add_right = Permission.PROPOSE
    list_display = ["name_column", "kind_column", "title", "organisation", "email", "phone", "last_contacted"]
    list_display_links = ["name_column"]
    list_filter = ["kind", TagFilter, SuppressedFilter]
    search_fields = ["name"]
    search_help_text = "Name, role, email, phone, organisation"
    ordering = ["-id"]
    list_select_related = ["organisation"]
    empty_words = "No contacts yet. Add one, import a CSV file, or let an agent find them."
    autocomplete_fields = ["organisation"]
    change_list_template = "console/contact_list.html"
    fields = [
        ("kind", "name"),
        ("title", "organisation"),
        ("email", "phone"),
        ("time_zone", "tags"),
        "handles",
        "notes",
        "source",
    ]

    kind_column = staticmethod(pill_column("kind", "Kind"))
    last_contacted = staticmethod(time_column("last_contacted_at", "Last contacted"))

    @admin.display(description="Contact", ordering="name")
    def name_column(self, obj: Contact) -> str:
        return str(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(is_erased=False).defer("notes")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        found = search_contacts(workspace=here(request).workspace, q=search_term)
        return queryset & found, False

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("import/", contact_page.import_page, name="contact_import"),
            path("<uuid:object_id>/edit/", self.admin_site.admin_view(self.edit_view), name="contact_edit"),
            path("<uuid:object_id>/consent/", contact_page.consent, name="contact_consent"),
            path("<uuid:object_id>/suppress/", contact_page.suppress_address, name="contact_suppress"),
            path("<uuid:object_id>/erase/", contact_page.erase, name="contact_erase"),
        ]
        return [*pages, *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """As `import_contacts` reads it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        workspace = here(request).workspace
        rows = self.get_changelist_instance(request).get_queryset(request)
        try:
            lines = export_contacts(workspace=workspace, actor=here(request).actor, contacts=rows)
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{workspace.slug}-contacts.csv"'
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        response: HttpResponseBase = contact_page.contact_page(request, object_id)
        return response

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """unfold's form; the page of a contact is for reading."""
        if not self.has_change_permission(request):
            raise PermissionDenied("Your role does not edit contacts.")
        response: HttpResponseBase = super().change_view(request, str(object_id))
        return response

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Contact:
        fields = dict(form.cleaned_data)
        fields["tags"] = [tag for tag in fields.get("tags", "").replace(",", " ").split() if tag]
        fields["kind"] = fields.get("kind") or ContactKind.PERSON
        who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
        return update_contact(**who, contact_id=obj.pk, **fields) if obj else create_contact(**who, **fields)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return self._to_page(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._to_page(request, obj)

    def _to_page(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, f"{obj}: saved.")
        return HttpResponseRedirect(reverse("admin:contacts_contact_change", args=[obj.pk]))
