"""Organisations."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminURLInputWidget

from contacts.models import Organisation
from contacts.services import create_organisation, update_organisation
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, time_column
from workspaces.admin.views import here
from workspaces.permissions import Permission


class OrganisationForm(ServiceForm):
    """An address without a scheme is taken for https."""

    website = forms.URLField(required=False, max_length=500, assume_scheme="https", widget=UnfoldAdminURLInputWidget)


@admin.register(Organisation)
class OrganisationAdmin(ServiceModelAdmin):
    """One of a name in a workspace."""

    form = OrganisationForm
    change_right = add_right = Permission.PROPOSE
    list_display = ["name", "kind", "website", "contact_count", "added"]
    list_filter = ["kind"]
    search_fields = ["name", "website"]
    ordering = ["name"]
    fields = [("name", "kind"), "website", "notes"]
    empty_words = "No organisations yet. They come with contacts, or are added here."

    added = staticmethod(time_column("created_at", "Added"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("notes")
        return rows.annotate(number=Count("contacts", filter=Q(contacts__is_erased=False)))

    @admin.display(description="Contacts", ordering="number")
    def contact_count(self, obj: Any) -> int:
        return int(obj.number)

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Organisation:
        who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
        fields = form.cleaned_data
        if obj:
            return update_organisation(**who, organisation_id=obj.pk, **fields)
        return create_organisation(**who, **fields)
