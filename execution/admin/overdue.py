"""“Overdue”: what was due too long ago to go by itself, released or withdrawn by a person, many at once."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.admin.acts import address_of
from execution.channels import registry
from execution.models import ExecutionRequest
from execution.services.lifecycle import cancel
from execution.services.stale import release_stale
from execution.states import STALE, Status
from workspaces.admin.views import console_view, explain, here, page
from workspaces.errors import CountersignError, InvalidInput
from workspaces.permissions import Permission

PER_PAGE = 50


@console_view()
def overdue(request: HttpRequest) -> HttpResponseBase:
    """The longest approved first, a page of them. Who may only look sees the list without the buttons."""
    rows = ExecutionRequest.objects.filter(
        workspace=here(request).workspace, status=Status.APPROVED, wait_reason=STALE
    ).select_related("contact", "plan")
    found = list(rows.defer("facts", "metadata").order_by("approved_at", "id")[: PER_PAGE + 1])
    return page(
        request,
        "console/overdue.html",
        title="Overdue",
        rows=[
            {"request": one, "channel": registry.get(one.channel).label, "address": address_of(one.pk)}
            for one in found[:PER_PAGE]
        ],
        more=len(found) > PER_PAGE,
        may_decide=here(request).actor.may(Permission.RUN),
    )


@console_view(permission=Permission.RUN, methods=("POST",))
def decide_many(request: HttpRequest) -> HttpResponseBase:
    """Release or withdraw the picked ones, with a reason."""
    act, reason, picks = request.POST.get("act", ""), request.POST.get("reason", "").strip(), _picks(request)
    workspace, actor = here(request).workspace, here(request).actor
    try:
        if act not in ("release", "cancel"):
            raise InvalidInput("Say whether to release or to withdraw them.", fields={})
        if not picks:
            raise InvalidInput("Nothing is selected. Tick some, then release or withdraw them.", fields={})
        if not reason:
            raise InvalidInput("Give a reason; it stays on record.", fields={})
        if act == "release":
            done = len(release_stale(workspace=workspace, actor=actor, ids=picks, reason=reason))
            messages.success(request, f"{done} released.")
        else:
            _withdraw(request, picks=picks, reason=reason)
    except CountersignError as error:
        explain(request, error)
    return HttpResponseRedirect(reverse("admin:overdue"))


def _withdraw(request: HttpRequest, *, picks: Sequence[UUID], reason: str) -> None:
    refused: list[CountersignError] = []
    for request_id in picks:
        try:
            cancel(workspace=here(request).workspace, actor=here(request).actor, request_id=request_id, reason=reason)
        except CountersignError as error:
            refused.append(error)  # the others are withdrawn all the same
    if len(refused) < len(picks):
        messages.success(request, f"{len(picks) - len(refused)} withdrawn.")
    if refused:
        messages.error(request, f"{len(refused)} could not be withdrawn: {refused[0].detail}")


def _picks(request: HttpRequest) -> Sequence[UUID]:
    """The picked ones that wait as stale in this workspace, a page at most."""
    ids = set()
    for text in request.POST.getlist("pick")[:PER_PAGE]:
        try:
            ids.add(UUID(text))
        except ValueError:
            continue
    rows = ExecutionRequest.objects.filter(
        workspace=here(request).workspace, pk__in=ids, status=Status.APPROVED, wait_reason=STALE
    )
    return list(rows.order_by("id").values_list("pk", flat=True))
