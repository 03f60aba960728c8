"""“After a restore”: what waits in a copied or restored database, and the one act that lets it go on."""

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.models import ExecutionRequest
from execution.services.restoring import RECONCILE, resume_after_restore
from execution.states import Status
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, here, page, posted
from workspaces.errors import CountersignError, NotPermitted
from workspaces.installation import is_restored
from workspaces.models import Installation

_SHOWN = 50


class ResumeForm(ConsoleForm):
    """Why it is safe to go on."""

    reason = forms.CharField(
        max_length=300, label="What you checked", help_text="It stays in the audit log, under your name."
    )


@console_view(methods=("GET", "HEAD", "POST"))
def restored(request: HttpRequest) -> HttpResponseBase:
    """What differs and what waits here. The form is an operator's; the service asks again."""
    workspace, actor = here(request).workspace, here(request).actor
    form = ResumeForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            resume_after_restore(actor=actor, reason=form.cleaned_data["reason"])
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
        except CountersignError as error:
            form.add_error(None, error.detail)
        else:
            done(request, "Resumed. Every check applies anew to what waited.")
            return HttpResponseRedirect(reverse("admin:index"))
    approved = ExecutionRequest.objects.filter(workspace=workspace, status=Status.APPROVED)
    waiting = approved.filter(wait_reason=RECONCILE)
    unknown = ExecutionRequest.objects.filter(workspace=workspace, status=Status.UNCERTAIN)
    return page(
        request,
        "console/restored.html",
        title="After a restore",
        status=400 if form.errors else 200,
        form=form,
        waits=is_restored(),
        installation=Installation.objects.filter(pk=1).first(),
        may_resume=actor.is_operator,
        count=waiting.count(),
        rows=waiting.select_related("contact").defer("facts", "metadata").order_by("-id")[:_SHOWN],
        unknown=unknown.count(),
    )
