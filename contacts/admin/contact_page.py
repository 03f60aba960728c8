"""The page of one contact: who they are, what they agreed to, and everything that happened between us."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from contacts.addresses import AddressKind
from contacts.models import Basis, Contact, SuppressionReason
from contacts.selectors import consents_of, contact_named, suppressions_of, timeline_of
from contacts.services import (
    erase_contact,
    import_contacts,
    preview_import,
    record_consent,
    suppress,
    withdraw_consent,
)
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, explain, here, page, posted
from workspaces.errors import CountersignError, NotPermitted
from workspaces.permissions import Permission

_MOST_BYTES = 10 * 1024 * 1024


class ConsentForm(ConsoleForm):
    """A lawful basis given, or taken back."""

    purpose = forms.ChoiceField(
        choices=[("email", "Email"), ("sms", "Text messages"), ("voice", "Calls"), ("newsletter", "Newsletter")]
    )
    status = forms.ChoiceField(choices=[("granted", "We may"), ("withdrawn", "They withdrew it")], label="What")
    basis = forms.ChoiceField(choices=[("", "—"), *Basis.choices], required=False, label="Why it is lawful")
    source = forms.CharField(max_length=200, label="How we know", help_text="A form, a meeting, a published page.")


@console_view()
def contact_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """GET shows."""
    return _show(request, _load(request, object_id))


def _load(request: HttpRequest, object_id: Any) -> Contact:
    try:
        wanted = UUID(str(object_id))
    except ValueError as error:
        raise Http404("That is no id.") from error
    return contact_named(workspace=here(request).workspace, contact_id=wanted)


def _show(
    request: HttpRequest, contact: Contact, *, status: int = 200, form: ConsentForm | None = None
) -> HttpResponse:
    actor = here(request).actor
    number = request.GET.get("page", "1")
    timeline = Paginator(timeline_of(contact=contact)[:1_000], 40).get_page(number)
    return page(
        request,
        "console/contact.html",
        title=str(contact),
        status=status,
        crumbs=[("Contacts", reverse("admin:contacts_contact_changelist"))],
        contact=contact,
        tags=[tag.slug for tag in contact.tags.all()],
        consents=list(consents_of(contact=contact)[:50]),
        suppressions=suppressions_of(contact=contact),
        timeline=timeline,
        form=form or ConsentForm(),
        may_edit=actor.may(Permission.PROPOSE) and not contact.is_erased,
        may_erase=actor.may(Permission.MANAGE) and not contact.is_erased,
        addresses=[
            (kind, address) for kind, address in (("email", contact.email), ("phone", contact.phone)) if address
        ],
        reasons=SuppressionReason.choices,
    )


@console_view(permission=Permission.PROPOSE, methods=("POST",))
def consent(request: HttpRequest, object_id: UUID) -> HttpResponseBase:
    """Record that we may write to them, or no longer."""
    contact = _load(request, object_id)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _show(request, contact, status=400, form=form)
    data = form.cleaned_data
    who: dict[str, Any] = {
        "workspace": here(request).workspace,
        "actor": here(request).actor,
        "contact_ids": [contact.pk],
        "purpose": data["purpose"],
        "source": data["source"],
    }
    try:
        if data["status"] == "granted":
            record_consent(**who, basis=data["basis"])
        else:
            withdraw_consent(**who)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        form.take(error)
        return _show(request, contact, status=400, form=form)
    done(request, "On record.")
    return HttpResponseRedirect(_address(contact))


@console_view(permission=Permission.PROPOSE, methods=("POST",))
def suppress_address(request: HttpRequest, object_id: UUID) -> HttpResponseBase:
    """Never write to one of their addresses again."""
    contact = _load(request, object_id)
    kind = request.POST.get("kind", "")
    address = {AddressKind.EMAIL: contact.email, AddressKind.PHONE: contact.phone}.get(kind, "")  # type: ignore[call-overload]
    try:
        suppress(
            workspace=here(request).workspace,
            actor=here(request).actor,
            kind=kind,
            address=address,
            reason=request.POST.get("reason", SuppressionReason.MANUAL),
            source="Set on the contact's page.",
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Suppressed. Whatever was approved for this address does not go.")
    return HttpResponseRedirect(_address(contact))


@console_view(permission=Permission.MANAGE, methods=("POST",))
def erase(request: HttpRequest, object_id: UUID) -> HttpResponseBase:
    """Blank everything personal. Asked for by typing the word."""
    contact = _load(request, object_id)
    if request.POST.get("word", "").strip().lower() != "erase":
        explain(request, CountersignError("Type the word “erase” to erase a contact. Nothing was changed."))
        return HttpResponseRedirect(_address(contact))
    try:
        erase_contact(workspace=here(request).workspace, actor=here(request).actor, contact_id=contact.pk)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Erased. What was done stays on record under the contact's id alone.")
    return HttpResponseRedirect(reverse("admin:contacts_contact_changelist"))


class ImportForm(ConsoleForm):
    """A CSV file, looked at first."""

    file = forms.FileField(label="CSV file", widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}))
    source = forms.CharField(max_length=120, required=False, label="Where it comes from")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > _MOST_BYTES:
            raise forms.ValidationError("The file is larger than 10 MB. Split it.")
        return file


@console_view(permission=Permission.PROPOSE, methods=("GET", "HEAD", "POST"))
def import_page(request: HttpRequest) -> HttpResponseBase:
    """Look at what a file would do, then import it; all or nothing, errors by row."""
    form = ImportForm(posted(request), request.FILES if request.method == "POST" else None)
    preview, problems = None, []
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data["file"].read()
        who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
        try:
            if "look" in request.POST:
                preview = preview_import(**who, data=data)
            else:
                result = import_contacts(**who, data=data, source=form.cleaned_data["source"])
                done(request, f"{result.created} added, {result.changed} changed, {result.unchanged} as they were.")
                return HttpResponseRedirect(reverse("admin:contacts_contact_changelist"))
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
        except CountersignError as error:
            problems = list(error.fields.items())[:200]
            form.add_error("file", error.detail)
    return page(
        request,
        "console/import.html",
        title="Import contacts",
        status=400 if form.errors else 200,
        crumbs=[("Contacts", reverse("admin:contacts_contact_changelist"))],
        form=form,
        preview=preview,
        problems=problems,
    )


def _address(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])
