"""The base of every list and form: inside one workspace, by the table of roles, through services, never deleting."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from workspaces.admin.export import Column, csv_response
from workspaces.admin.paging import CappedPaginator, WorkspaceChangeList
from workspaces.admin.views import here
from workspaces.errors import CountersignError, NotPermitted
from workspaces.permissions import Permission
from workspaces.templatetags.console import pill_element, time_element


def time_column(field: str, title: str) -> Any:
    """A list column: the time in `field`, relative."""

    @admin.display(description=title, ordering=field)
    def show(obj: Any) -> str:
        return time_element(getattr(obj, field))

    return show


def pill_column(field: str, title: str) -> Any:
    """A list column: the state in `field`, coloured."""

    @admin.display(description=title, ordering=field)
    def show(obj: Any) -> str:
        value = getattr(obj, field)
        words = getattr(obj, f"get_{field}_display", None)
        return pill_element(str(value), str(words()) if words else "") if value else ""

    return show


class WorkspaceModelAdmin(ModelAdmin):
    """A list of one workspace's rows.

    What a member may do follows the table of roles (workspaces.permissions), never Django's own permissions. Without
    `change_right` and `add_right` a list is for reading. Nothing is deleted here.
    """

    workspace_lookup = "workspace"
    view_right = Permission.VIEW
    change_right: Permission | None = None
    add_right: Permission | None = None
    # (header, reader) of each column of the CSV; the columns of the list where empty.
    export_columns: Sequence[Column] = ()
    # What the list is called; the model's own plural where empty.
    list_title = ""
    # What an empty list says, and what to do about it.
    empty_words = "Nothing here yet."

    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    list_fullwidth = True
    list_filter_sheet = True
    actions = None
    compressed_fields = True
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.model._default_manager.filter(**{self.workspace_lookup: here(request).workspace})
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WorkspaceChangeList]:
        return WorkspaceChangeList

    # Rights

    def _may(self, request: HttpRequest, right: Permission | None) -> bool:
        actor = getattr(request, "actor", None)
        return right is not None and actor is not None and actor.may(right)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.view_right)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_right)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.change_right)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.add_right)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # What a list lets in

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what a declared filter asks for: a column nobody offers must not be guessed at letter by letter."""
        offered = set()
        for entry in self.list_filter if request is None else self.get_list_filter(request):
            field = entry[0] if isinstance(entry, list | tuple) else entry
            if isinstance(field, str):
                offered.add(field)
            elif name := getattr(field, "parameter_name", None):
                offered.add(name)
        return any(lookup == field or lookup.startswith(field + "__") for field in offered)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        target = db_field.remote_field.model
        if any(field.name == "workspace" for field in target._meta.get_fields()):
            kwargs["queryset"] = target._default_manager.filter(workspace=here(request).workspace)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # Export

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as filtered, as CSV. Asked for by POST, because it is put on record."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rows = self.get_changelist_instance(request).get_queryset(request)
        try:
            return csv_response(
                workspace=here(request).workspace,
                actor=here(request).actor,
                name=str(self.model._meta.verbose_name_plural).replace(" ", "-"),
                columns=self.export_columns or self._list_columns(request),
                rows=rows.iterator(chunk_size=1_000),
            )
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error

    def _list_columns(self, request: HttpRequest) -> list[Column]:
        columns: list[Column] = []
        for name in self.get_list_display(request):
            reader = getattr(self, name, None) if isinstance(name, str) else name
            if callable(reader):
                columns.append((str(getattr(reader, "short_description", name)), reader))
            else:
                columns.append((str(name).replace("_", " "), _attribute(str(name))))
        return columns

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = self.list_title or str(self.opts.verbose_name_plural).capitalize()
        context = {"empty_words": self.empty_words, "list_title": title, **(extra_context or {})}
        if self._may(request, Permission.EXPORT):
            address = reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_export")
            query = request.GET.urlencode()
            context["export_address"] = f"{address}?{query}" if query else address
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseBase:
        """What happened to it stands in the audit log."""
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(f"{reverse('admin:workspaces_auditentry_changelist')}?subject={obj.pk}")

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        # Another workspace's id and one that never was look the same, and neither is a redirect.
        from django.http import Http404

        raise Http404(f"There is no such {opts.verbose_name} in this workspace.")

    # The audit log is the one history; Django's own would keep names in the clear, over all workspaces.

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        return None


def _attribute(name: str) -> Callable[[Any], Any]:
    def read(obj: Any) -> Any:
        value = obj
        for step in name.split("__"):
            value = getattr(value, step, None)
        return value() if callable(value) else value

    return read


class ServiceForm(forms.ModelForm):
    """A form whose saving is a service's business: it checks and writes, and its refusals stand at their fields.

    The admin fills in `write`.
    """

    saved: Any = None

    def write(self) -> Any:
        """Call the service with the cleaned data; returns the saved row."""
        raise NotImplementedError("The admin says which service saves its rows.")

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            self.saved = self.write()
        except CountersignError as error:
            known = {field: text for field, text in error.fields.items() if field in self.fields}
            rest = [f"{field}: {text}" for field, text in error.fields.items() if field not in self.fields]
            for field, text in known.items():
                self.add_error(field, text)
            if rest or not known:
                self.add_error(None, [error.detail, *rest])

    def save(self, commit: bool = True) -> Any:
        return self.saved

    def save_m2m(self) -> None:
        return None


class ServiceModelAdmin(WorkspaceModelAdmin):
    """A list whose form writes through a service (`write`)."""

    form = ServiceForm

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Any:
        """Call the service with `form.cleaned_data`; `obj` is None for a new row. Returns the row."""
        raise NotImplementedError(f"{type(self).__name__} must say which service saves its rows.")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        base = super().get_form(request, obj, change=change, **kwargs)
        admin_itself = self

        class Bound(base):  # type: ignore[misc, valid-type]
            def write(self) -> Any:
                return admin_itself.write(request, self, obj)

        return Bound

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        # One button: what happens next is the same for everybody.
        context.update(show_save_and_add_another=False, show_save_and_continue=False)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        return None

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        return None
