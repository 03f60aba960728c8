"""“Outcome unknown”: what nobody can know to have happened, settled by a person, many at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.admin.acts import address_of
from execution.channels import registry
from execution.models import Attempt, AttemptState, ExecutionRequest
from execution.services.lifecycle import WAS_NOT_SENT, WAS_SENT, resolve
from execution.states import Status
from workspaces.admin.views import console_view, explain, here, page
from workspaces.errors import CountersignError, InvalidInput
from workspaces.permissions import Permission

PER_PAGE = 50
_RESULTS = "uncertain_results"
_SETTLED = {WAS_SENT: "Settled: it was sent", WAS_NOT_SENT: "Settled: it was not sent, and is tried again"}


@console_view()
def uncertain(request: HttpRequest) -> HttpResponseBase:
    """The oldest first. Who may only look sees the list without the buttons."""
    number = _page_number(request.GET.get("page", "1"))
    tries = Attempt.objects.filter(request=OuterRef("pk"), state=AttemptState.UNCERTAIN).order_by("-number")
    found = list(
        ExecutionRequest.objects.filter(workspace=here(request).workspace, status=Status.UNCERTAIN)
        .select_related("contact", "account", "plan")
        .annotate(tried_at=Subquery(tries.values("marked_at")[:1]))
        .defer("facts", "metadata")
        .order_by("settled_at", "id")[(number - 1) * PER_PAGE : number * PER_PAGE + 1]
    )
    return page(
        request,
        "console/uncertain.html",
        title="Outcome unknown",
        rows=[
            {"request": one, "channel": registry.get(one.channel).label, "address": address_of(one.pk)}
            for one in found[:PER_PAGE]
        ],
        may_settle=here(request).actor.may(Permission.RESOLVE),
        results=request.session.pop(_RESULTS, None),
        newer=f"?page={number - 1}" if number > 1 else "",
        older=f"?page={number + 1}" if len(found) > PER_PAGE else "",
    )


@console_view(permission=Permission.RESOLVE, methods=("POST",))
def settle_many(request: HttpRequest) -> HttpResponseBase:
    """Say of each picked one whether it was sent; what became of each is told one by one."""
    outcome, reason, picks = request.POST.get("outcome", ""), request.POST.get("reason", ""), _picks(request)
    try:
        if outcome not in _SETTLED:
            raise InvalidInput("Say whether they were sent or not.", fields={})
        if not picks:
            raise InvalidInput("Nothing is selected. Tick what you looked up, then settle it.", fields={})
        if not reason.strip():
            raise InvalidInput("Say how you know; it stays on record.", fields={})
    except InvalidInput as error:
        explain(request, error)
    else:
        request.session[_RESULTS] = [
            _settle_one(request=request, found=found, outcome=outcome, reason=reason.strip()) for found in picks
        ]
    return HttpResponseRedirect(reverse("admin:uncertain"))


def _settle_one(*, request: HttpRequest, found: ExecutionRequest, outcome: str, reason: str) -> dict[str, Any]:
    told = {"title": f"{found} → {found.to}" if found.to else str(found), "address": address_of(found.pk)}
    workspace, actor = here(request).workspace, here(request).actor
    try:
        resolve(workspace=workspace, actor=actor, request_id=found.pk, outcome=outcome, reason=reason)
    except CountersignError as error:
        return {**told, "ok": False, "words": error.detail}
    return {**told, "ok": True, "words": _SETTLED[outcome]}


def _picks(request: HttpRequest) -> Sequence[ExecutionRequest]:
    """The picked requests of this workspace, a page at most."""
    ids = set()
    for text in request.POST.getlist("pick")[:PER_PAGE]:
        try:
            ids.add(UUID(text))
        except ValueError:
            continue
    return list(ExecutionRequest.objects.filter(workspace=here(request).workspace, pk__in=ids).order_by("id"))


def _page_number(text: str) -> int:
    return min(int(text), 10_000) if text.isdecimal() and int(text) > 0 else 1
