"""“What is kept”: for how many days, what the next clearing deletes, and what the last one did."""

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.selectors import last_retention_run, retention_preview
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, here, page
from workspaces.errors import CountersignError
from workspaces.permissions import Permission
from workspaces.services import update_workspace

_MOST = 36_500  # a hundred years, which a date can still go back


class DaysForm(ConsoleForm):
    """For how long history is kept."""

    days = forms.IntegerField(min_value=90, max_value=_MOST, label="Days that history is kept")


@console_view(permission=Permission.MANAGE, methods=("GET", "HEAD", "POST"))
def retention(request: HttpRequest) -> HttpResponseBase:
    """GET shows what would go, with `?days=` as if so many were kept; POST keeps that many from now on."""
    workspace, actor = here(request).workspace, here(request).actor
    given = request.POST if request.method == "POST" else request.GET
    form = DaysForm(given if "days" in given or request.method == "POST" else {"days": workspace.retention_days})
    if form.is_valid() and request.method == "POST":
        try:
            update_workspace(workspace=workspace, actor=actor, retention_days=form.cleaned_data["days"])
        except CountersignError as error:
            form.take(error, names={"retention_days": "days"})
        else:
            done(request, f"History is kept for {form.cleaned_data['days']} days.")
            return HttpResponseRedirect(reverse("admin:retention"))
    days = form.cleaned_data["days"] if form.is_valid() else workspace.retention_days
    return page(
        request,
        "console/retention.html",
        title="What is kept",
        status=400 if form.errors else 200,
        form=form,
        preview=retention_preview(workspace=workspace, days=days),
        is_other=days != workspace.retention_days,
        last=last_retention_run(workspace=workspace),
    )
