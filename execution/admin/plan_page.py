"""A plan: how far it is, and its batch under one decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.admin.acts import DECIDED, address_of
from execution.admin.message import Message, message_of
from execution.admin.request_page import said_about
from execution.channels import registry
from execution.channels.text import invisible_characters, links
from execution.errors import StaleApproval
from execution.models import ExecutionPlan, ExecutionRequest, GateState, RequestGate, Revision, Verdict
from execution.selectors import not_here, plan_canary, plan_progress
from execution.selectors.queue import PendingFilters, pending
from execution.services.canaries import go_on
from execution.services.decisions import decide_plan, plan_digest
from execution.states import Status
from execution.templatetags.review import reveal
from workspaces.admin.views import console_view, done, explain, here, page
from workspaces.errors import CountersignError, InvalidInput, NotPermitted
from workspaces.models import Workspace
from workspaces.permissions import Permission

SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One request of the batch with its own words."""

    request: ExecutionRequest
    message: Message
    text: Any
    own_facts: Sequence[tuple[str, str]]
    gates: Sequence[str]
    address: str
    mine: bool


@console_view()
def plan_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """Progress, what all items share, and each item's own text."""
    return render_plan(request, _load(request, object_id))


def _load(request: HttpRequest, object_id: str) -> ExecutionPlan:
    try:
        wanted = UUID(str(object_id))
    except ValueError as error:
        raise Http404("That is no id.") from error
    plan = (
        ExecutionPlan.objects.select_related("proposed_by", "workspace")
        .filter(workspace=here(request).workspace, pk=wanted)
        .first()
    )
    if plan is None:
        raise not_here(workspace=here(request).workspace, what="plan", object_id=wanted)
    return plan


def render_plan(request: HttpRequest, plan: ExecutionPlan, *, status: int = 200, **extra: Any) -> HttpResponse:
    """The page of a plan; `extra` is what a decision left to say."""
    workspace: Workspace = here(request).workspace
    actor = here(request).actor
    number = int(request.GET.get("page", "1")) if request.GET.get("page", "1").isdecimal() else 1
    number = min(max(number, 1), 1_000)
    only = request.GET.get("status", "")
    rows = ExecutionRequest.objects.filter(workspace=workspace, plan=plan).select_related(
        "current", "contact", "account"
    )
    if only in Status.values:
        rows = rows.filter(status=only)
    # What waits stands first: it is what one comes for.
    found = list(rows.order_by("status", "id")[(number - 1) * SHOWN : number * SHOWN + 1])
    waiting = pending(workspace=workspace, actor=actor, mine=True, filters=PendingFilters(plan=plan.pk))
    mine = set(waiting.values_list("pk", flat=True)[:10_000])
    items = _items(found[:SHOWN], mine=mine)
    common, own = _common(items)
    return page(
        request,
        "console/plan.html",
        title=plan.title,
        status=status,
        crumbs=[("Plans", reverse("admin:execution_executionplan_changelist"))],
        plan=plan,
        progress=plan_progress([plan])[plan.pk],
        digest=plan_digest(plan=plan),
        canary=plan_canary(plan),
        may_continue=actor.is_person and actor.may(Permission.RELEASE),
        items=[(item, own.get(item.request.pk, [])) for item in items],
        common=common,
        mine=len(mine),
        statuses=[(value, label) for value, label in Status.choices],
        only=only,
        number=number,
        has_more=len(found) > SHOWN,
        said=said_about(workspace=workspace, subject_id=plan.pk),
        **extra,
    )


def _items(found: Sequence[ExecutionRequest], *, mine: set[UUID]) -> list[Item]:
    gates: dict[UUID, list[str]] = {}
    for request_id, name in RequestGate.objects.filter(
        request_id__in=[one.pk for one in found], state=GateState.OPEN
    ).values_list("request_id", "name"):
        gates.setdefault(request_id, []).append(name)
    items = []
    for one in found:
        message = _light_message(one)
        items.append(
            Item(
                request=one,
                message=message,
                text=reveal(message.text),
                own_facts=_facts(one, message=message),
                gates=sorted(gates.get(one.pk, [])),
                address=address_of(one.pk),
                mine=one.pk in mine,
            )
        )
    return items


def _light_message(request: ExecutionRequest) -> Message:
    """The words as proposed; the frozen bytes of each are on its own page."""
    revision: Revision | None = request.current
    if revision is None:
        return Message(missing=True)
    if request.channel != "email":
        return message_of(request=request, revision=revision)
    payload = revision.as_dict()["payload"]
    subject, text, html = (str(payload.get(name) or "") for name in ("subject", "text", "html"))
    return Message(
        subject=subject,
        text=text,
        html=html,
        links=links(text, html or None),
        hidden=sum(len(invisible_characters(one)) for one in (subject, text, html)),
    )


def _facts(request: ExecutionRequest, *, message: Message) -> list[tuple[str, str]]:
    document = request.current.as_dict() if request.current else {}
    sender = document.get("sender") or {}
    payload = document.get("payload") or {}
    window = document.get("window") or {}
    rows = [
        ("Channel", registry.get(request.channel).label),
        ("From", f"{sender.get('from_name', '')} <{sender.get('from_email', '')}>" if sender.get("from_email") else ""),
        ("Sent through", f"{sender.get('provider', '')} {sender.get('host', '')}".strip()),
        ("Mode", str(document.get("mode", "")).replace("_", " ")),
        ("Subject", str(payload.get("subject") or "")),
        ("Cc", ", ".join(payload.get("cc") or ())),
        ("Bcc", ", ".join(payload.get("bcc") or ())),
        ("Reply-To", str(payload.get("reply_to") or "")),
        ("Attachments", ", ".join(str(one.get("filename")) for one in payload.get("attachments") or ())),
        ("Links lead to", ", ".join(dict.fromkeys(link.host or "no host" for link in message.links))),
        ("Not before", str(window.get("scheduled_for") or "")),
        ("Not after", str(window.get("expires_at") or "")),
        ("Agent", request.agent),
        ("Policy", ", ".join(request.policy_matched)),
    ]
    return [(name, value) for name, value in rows if value]


def _common(items: Sequence[Item]) -> tuple[list[tuple[str, str]], dict[UUID, list[tuple[str, str]]]]:
    """What all items share, and what is each one's own."""
    if not items:
        return [], {}
    shared = set(items[0].own_facts)
    for item in items[1:]:
        shared &= set(item.own_facts)
    common = [fact for fact in items[0].own_facts if fact in shared]
    own = {item.request.pk: [fact for fact in item.own_facts if fact not in shared] for item in items}
    return common, own


@console_view(methods=("POST",))
def decide(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """One decision for the whole batch under the plan's digest, or for the picked items under theirs."""
    plan = _load(request, object_id)
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "").strip()
    whole = request.POST.get("reach") == "all"
    picks = dict(pick.partition(":")[::2] for pick in request.POST.getlist("pick"))
    address = reverse("admin:execution_executionplan_change", args=[plan.pk])
    try:
        if verdict not in Verdict.values:
            raise InvalidInput("Say approve, reject or request_changes.", fields={})
        if verdict == Verdict.REQUEST_CHANGES and not reason:
            raise InvalidInput("Say what should change; the author reads it.", fields={})
        outcome = decide_plan(
            workspace=here(request).workspace,
            actor=here(request).actor,
            plan_id=plan.pk,
            verdict=Verdict(verdict),
            digest=request.POST.get("digest", "") if whole else None,
            digests=None if whole else picks,
            reason=reason,
        )
    except StaleApproval as error:
        return render_plan(request, plan, status=409, stale_words=error.detail)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
        return HttpResponseRedirect(address)
    skipped = [(one.why, address_of(one.id)) for one in outcome.skipped]
    if skipped:
        return render_plan(
            request, plan, decided=outcome.decided, decided_word=DECIDED.get(verdict, ""), skipped=skipped
        )
    done(request, f"{DECIDED.get(verdict, 'Decided')}: {outcome.decided} of this plan.")
    return HttpResponseRedirect(address)


@console_view(permission=Permission.RELEASE, methods=("POST",))
def continue_(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Let the rest go before the slice is over. The service asks for a person and a reason."""
    plan = _load(request, object_id)
    try:
        go_on(
            workspace=here(request).workspace,
            actor=here(request).actor,
            plan_id=plan.pk,
            reason=request.POST.get("reason", ""),
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "The rest of the plan goes now; every other check still applies.")
    return HttpResponseRedirect(reverse("admin:execution_executionplan_change", args=[plan.pk]))
