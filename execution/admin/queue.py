"""The queue: what waits for a decision, oldest deadline first, decided from the keyboard or in bulk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from execution.admin.acts import DECIDED, address_of, decide_one
from execution.admin.request_page import load, request_context
from execution.channels import registry
from execution.errors import StaleApproval
from execution.models import ExecutionPlan, ExecutionRequest, GateState, RequestGate
from execution.selectors import PendingFilters, pending
from execution.states import Status
from workspaces.admin.views import console_view, explain, here, page
from workspaces.errors import CountersignError, InvalidInput
from workspaces.models import Workspace
from workspaces.permissions import Permission

PER_PAGE = 50
MOST_AT_ONCE = 500
_RESULTS = "queue_results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the queue. `digest` is what a decision made from this line is bound to."""

    request: ExecutionRequest
    digest: str
    channel: str
    subject: str
    gates: Sequence[str]
    deadline: Any
    is_late: bool
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one item of a batch."""

    id: UUID
    title: str
    ok: bool
    words: str
    address: str


@console_view()
def queue(request: HttpRequest) -> HttpResponse:
    """The list. A person sees what they may decide, and everything that waits at `?scope=all`."""
    workspace: Workspace = here(request).workspace
    actor = here(request).actor
    may_decide = actor.may(Permission.DECIDE)
    scope = request.GET.get("scope", "mine" if may_decide else "all")
    filters = read_filters(request.GET)
    waiting = pending(workspace=workspace, actor=actor, mine=scope == "mine", filters=filters)
    number = _page_number(request.GET.get("page", "1"))
    found = list(
        waiting.select_related("contact", "plan", "proposed_by").defer("facts", "metadata")[
            (number - 1) * PER_PAGE : number * PER_PAGE + 1
        ]
    )
    rows = rows_of(found[:PER_PAGE])
    kept = {name: value for name, value in request.GET.items() if name not in ("page",) and value}
    return page(
        request,
        "console/queue.html",
        title="Queue",
        rows=rows,
        scope=scope,
        may_decide=may_decide,
        filters=filters,
        filtered=any([filters.channel, filters.gate, filters.plan, filters.campaign, filters.agent, filters.q]),
        choices=_choices(workspace=workspace),
        results=request.session.pop(_RESULTS, None),
        here=request.get_full_path(),
        newer=f"?{urlencode({**kept, 'page': number - 1})}" if number > 1 else "",
        older=f"?{urlencode({**kept, 'page': number + 1})}" if len(found) > PER_PAGE else "",
        scopes=[
            ("mine", "For me", f"?{urlencode({**kept, 'scope': 'mine'})}"),
            ("all", "Everything", f"?{urlencode({**kept, 'scope': 'all'})}"),
        ],
    )


def read_filters(given: Mapping[str, str]) -> PendingFilters:
    """The filters in an address; an id that is none matches nothing rather than breaking the page."""
    return PendingFilters(
        channel=given.get("channel") or None,
        gate=given.get("gate") or None,
        plan=_id(given.get("plan")),
        campaign=_id(given.get("campaign")),
        agent=given.get("agent") or None,
        q=given.get("q", "").strip()[:200],
    )


def rows_of(found: Sequence[ExecutionRequest]) -> list[Row]:
    """The lines for these requests, with their open gates, in one query more."""
    gates: dict[UUID, list[str]] = {}
    for request_id, name in (
        RequestGate.objects.filter(request_id__in=[one.pk for one in found], state=GateState.OPEN)
        .order_by("name")
        .values_list("request_id", "name")
    ):
        gates.setdefault(request_id, []).append(name)
    now = timezone.now()
    return [
        Row(
            request=one,
            digest=one.digest,
            channel=registry.get(one.channel).label,
            subject=str(one).removeprefix("Email: "),
            gates=gates.get(one.pk, []),
            deadline=one.deadline,  # type: ignore[attr-defined]
            is_late=one.deadline < now,  # type: ignore[attr-defined]
            address=address_of(one.pk),
        )
        for one in found
    ]


@console_view()
def peek(request: HttpRequest, object_id: str) -> HttpResponse:
    """The pane beside the queue: the message and what speaks for and against it, without the frame of a page."""
    found = load(request, object_id)
    return render(request, "console/_peek.html", request_context(request, found))


@console_view(methods=("POST",))
def decide_many(request: HttpRequest) -> HttpResponseBase:
    """Decide on the picked lines, each under the digest its line showed; what became of each is told one by one.

    A pick is `ID:DIGEST`. Answers JSON to a script, and goes back to the queue otherwise.
    """
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "")
    picks = request.POST.getlist("pick")
    wants_json = "application/json" in request.headers.get("Accept", "")
    try:
        if verdict not in DECIDED:
            raise InvalidInput("Say what to do: approve, reject or request changes.", fields={})
        if not picks:
            raise InvalidInput("Nothing is selected. Select with X or the boxes, then decide.", fields={})
        if len(picks) > MOST_AT_ONCE:
            raise InvalidInput(f"Select {MOST_AT_ONCE} at most, or decide on the whole plan on its page.", fields={})
        if verdict == "request_changes" and not reason.strip():
            raise InvalidInput("Say what should change; the author reads it.", fields={})
    except InvalidInput as error:
        if wants_json:
            return JsonResponse({"detail": error.detail, "results": []}, status=400)
        explain(request, error)
        return HttpResponseRedirect(_queue_address(request))
    results = [_decide_pick(request=request, pick=pick, verdict=verdict, reason=reason) for pick in picks]
    listed = [
        {"id": str(one.id), "title": one.title, "ok": one.ok, "words": one.words, "address": one.address}
        for one in results
    ]
    if wants_json:
        return JsonResponse({"results": listed})
    request.session[_RESULTS] = listed
    return HttpResponseRedirect(_queue_address(request))


def _decide_pick(*, request: HttpRequest, pick: str, verdict: str, reason: str) -> Result:
    wanted, _, digest = pick.partition(":")
    request_id = _id(wanted)
    title = "A request that is not here"
    if request_id is None:
        return Result(id=UUID(int=0), title=title, ok=False, words="That is no id.", address="")
    rows = ExecutionRequest.objects.filter(workspace=here(request).workspace, pk=request_id)
    found = rows.first()
    if found is None:
        return Result(id=request_id, title=title, ok=False, words="There is no such request here.", address="")
    title = f"{found} → {found.to}" if found.to else str(found)
    address = address_of(found.pk)
    try:
        after = decide_one(request=request, request_id=found.pk, verdict=verdict, digest=digest, reason=reason)
    except StaleApproval as error:
        fields = ", ".join(sorted({str(one["field"]) for one in error.extra["diff"]}))
        words = f"It changed since you saw it{f' ({fields})' if fields else ''}. Open it and look again."
        return Result(id=found.pk, title=title, ok=False, words=words, address=address)
    except CountersignError as error:
        return Result(id=found.pk, title=title, ok=False, words=error.detail, address=address)
    words = DECIDED[verdict]
    if verdict == "approve" and after.status == Status.PENDING:
        words = "Your approval is recorded; others are still needed"
    return Result(id=found.pk, title=title, ok=True, words=words, address=address)


def _queue_address(request: HttpRequest) -> str:
    query = request.GET.urlencode()
    return reverse("admin:queue") + (f"?{query}" if query else "")


def _choices(*, workspace: Workspace) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: only what something waits under."""
    open_gates = RequestGate.objects.filter(workspace=workspace, state=GateState.OPEN).order_by()
    waiting = ExecutionRequest.objects.filter(workspace=workspace, status=Status.PENDING).order_by()
    channels = sorted(set(waiting.values_list("channel", flat=True).distinct()))
    plans = ExecutionPlan.objects.filter(Exists(waiting.filter(plan=OuterRef("pk"))), workspace=workspace)
    campaigns = waiting.exclude(campaign_id=None).values_list("campaign_id", "campaign_label").distinct()[:100]
    return {
        "gates": [(name, name) for name in sorted(set(open_gates.values_list("name", flat=True).distinct()))],
        "channels": [(name, registry.get(name).label) for name in channels],
        "plans": [(str(plan.pk), plan.title) for plan in plans.order_by("-id")[:100]],
        "campaigns": [(str(key), label) for key, label in campaigns],
    }


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _page_number(text: str) -> int:
    return min(int(text), 10_000) if text.isdecimal() and int(text) > 0 else 1
