"""The page of one request: what exactly would happen, to whom, why it waits, and what one may do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

from contacts.models import Contact, TimelineEvent
from contacts.selectors import ConsentState, consent_states, suppressed_keys
from execution.admin.framed import framed
from execution.admin.message import Message, message_of
from execution.channels import registry
from execution.engine.preflight import Preflight, preflight
from execution.models import ExecutionRequest, GateDefinition, Revision
from execution.selectors import request_detail
from execution.services.diff import revision_diff
from execution.services.parts import stored_contents
from execution.services.rights import available_actions
from execution.states import SETTLED, Status
from workspaces.admin.views import console_view, here, page
from workspaces.admin.words import sentence
from workspaces.models import AuditEntry, Workspace
from workspaces.selectors import audit_entries

# Shown by name; the guards' own names are for programs.
CHECK_NAMES = {
    "approved": "Approved",
    "identity": "Adopted database",
    "expiry": "In time",
    "seal": "Sealed",
    "sender": "Sender account",
    "policy": "Policy",
    "decisions": "Decisions",
    "mode": "Mode",
    "hold": "Holds",
    "suppression": "Suppression",
    "account": "Account works",
    "auto_execution": "Runs by itself",
    "schedule": "Due",
    "undo_window": "Undo window",
    "stale": "Not overdue",
    "limits": "Limits",
    "backoff": "Retry wait",
    "quiet_hours": "Allowed hours",
}
_AUDIT_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """“Would it go now?” in words: before the approval, everything but the approval counts."""

    flight: Preflight
    words: str
    tone: str
    earliest: datetime | None
    checks: Sequence[tuple[str, bool, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A revision with what it changed against the one before."""

    revision: Revision
    diff: Sequence[dict[str, Any]]
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The contact's card beside the message."""

    contact: Contact
    consent: ConsentState | None
    suppressed: bool
    timeline: Sequence[TimelineEvent]
    earlier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An audit entry in words."""

    at: datetime
    words: str
    via: str
    action: str


@console_view()
def request_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """GET shows; every act on it is a POST to another address."""
    found = load(request, object_id)
    return render_request(request, found)


def load(request: HttpRequest, object_id: str) -> ExecutionRequest:
    """The request with its relations. Raises Http404 for what is not of this workspace, or no id at all."""
    try:
        wanted = UUID(str(object_id))
    except ValueError as error:
        raise Http404("That is no id.") from error
    return request_detail(workspace=here(request).workspace, request_id=wanted)


def render_request(request: HttpRequest, found: ExecutionRequest, *, status: int = 200, **extra: Any) -> HttpResponse:
    """The whole page; `extra` are results of an act that did not go through, such as the diff of a stale digest."""
    return page(
        request,
        "console/request.html",
        title=str(found),
        status=status,
        crumbs=_crumbs(found),
        **request_context(request, found),
        **extra,
    )


def request_context(request: HttpRequest, found: ExecutionRequest) -> dict[str, Any]:
    """What the page and the pane beside the queue show alike."""
    workspace: Workspace = here(request).workspace
    actor = here(request).actor
    actions = available_actions(actor=actor, request=found)
    versions = versions_of(found)
    current = found.current
    definitions = {gate.name: gate for gate in GateDefinition.objects.filter(workspace=workspace)}
    return {
        "found": found,
        "channel": registry.get(found.channel),
        "is_settled": found.status in SETTLED,
        "actions": actions,
        "decidable": "approve" in actions,
        "message": message_of(request=found, revision=current) if current else Message(missing=True),
        "document": current.as_dict() if current else {},
        "outlook": outlook(found) if found.status not in SETTLED else None,
        "versions": versions,
        "since_decided": _since_my_decision(found=found, principal_id=actor.principal_id),
        "recipient": recipient_of(workspace=workspace, found=found),
        "gates": [(gate, definitions.get(gate.name)) for gate in found.gates.all()],
        "why_not": _why_not(found=found, actor=actor, actions=actions),
        "said": said_about(workspace=workspace, subject_id=found.pk),
    }


def outlook(found: ExecutionRequest) -> Outlook:
    """Run the guards that stand before the send and put them in words."""
    flight = preflight(request=found)
    checks = [
        (CHECK_NAMES.get(check.name, check.name.replace("_", " ")), check.ok, check.detail) for check in flight.checks
    ]
    wrong = [check for check in flight.checks if not check.ok]
    waits_for_approval = [check for check in wrong if check.awaits_approval]
    others = [check for check in wrong if check not in waits_for_approval]
    if flight.would_send:
        words, tone = "Yes. It would go now.", "good"
    elif waits_for_approval and not others:
        words, tone = "Yes, as soon as it is approved.", "good"
    elif waits_for_approval:
        words, tone = f"Approved, it would still not go: {others[0].detail}", "wait"
    elif flight.earliest:
        words, tone = "Not yet.", "wait"
    else:
        words, tone = f"No. {others[0].detail if others else ''}", "bad"
    return Outlook(flight=flight, words=words, tone=tone, earliest=flight.earliest, checks=checks)


def versions_of(found: ExecutionRequest) -> list[Version]:
    """Every revision with its diff, newest first."""
    versions: list[Version] = []
    before: Revision | None = None
    for revision in found.revisions.all():
        changed = revision.drift or (revision_diff(before=before, after=revision) if before else [])
        versions.append(Version(revision=revision, diff=changed, is_current=revision.number == found.revision))
        before = revision
    return versions[::-1]


def _since_my_decision(*, found: ExecutionRequest, principal_id: UUID) -> list[dict[str, Any]]:
    """What changed since this person last decided on it, where that was an earlier revision."""
    numbers = [
        decision.revision
        for gate in found.gates.all()
        for decision in gate.decisions.all()
        if decision.principal_id == principal_id and decision.revision < found.revision
    ]
    by_number = {revision.number: revision for revision in found.revisions.all()}
    before = by_number.get(max(numbers)) if numbers else None
    now = by_number.get(found.revision)
    return revision_diff(before=before, after=now) if before and now else []


def recipient_of(*, workspace: Workspace, found: ExecutionRequest) -> Recipient | None:
    """Who gets it: consent for this channel, suppression, and what we did with them before."""
    contact = found.contact
    if contact is None:
        return None
    spec = registry.get(found.channel)
    consent = None
    if spec.consent_purpose:
        consent = consent_states(workspace=workspace, contact_ids=[contact.pk], purpose=spec.consent_purpose).get(
            contact.pk
        )
    kind = spec.recipient_kind
    suppressed = kind != "none" and bool(
        suppressed_keys(workspace_id=workspace.pk, kind=kind, addresses=[found.to] if found.to else [])
    )
    timeline = TimelineEvent.objects.filter(workspace=workspace, contact=contact)
    return Recipient(
        contact=contact,
        consent=consent,
        suppressed=suppressed,
        timeline=list(timeline[:6]),
        earlier=len(timeline.values_list("pk", flat=True)[:100]),
    )


def said_about(*, workspace: Workspace, subject_id: UUID) -> list[Said]:
    """The audit log on one row, in words, newest first."""
    rows = audit_entries(workspace=workspace, subject_id=subject_id)[:_AUDIT_SHOWN]
    return [said(entry) for entry in rows]


def said(entry: AuditEntry) -> Said:
    """One entry in words."""
    return Said(at=entry.at, words=sentence(entry), via=entry.via, action=entry.action)


def _why_not(*, found: ExecutionRequest, actor: Any, actions: frozenset[str]) -> str:
    """Why somebody who looks at a waiting request cannot decide on it."""
    if found.status != Status.PENDING or "approve" in actions:
        return ""
    if any(revision.author_id == actor.principal_id for revision in found.revisions.all()):
        return "You wrote or edited this, so somebody else approves it."
    return "Your role does not open the gates this waits at."


def _crumbs(found: ExecutionRequest) -> list[tuple[str, str]]:
    crumbs = [("Requests", reverse("admin:execution_executionrequest_changelist"))]
    if found.plan_id and found.plan is not None:
        crumbs.append((found.plan.title, reverse("admin:execution_executionplan_change", args=[found.plan_id])))
    return crumbs


def _revision(found: ExecutionRequest, number: str) -> Revision:
    for revision in found.revisions.all():
        if str(revision.number) == number or (not number and revision.number == found.revision):
            return revision
    raise Http404("There is no such revision.")


@framed
def preview(request: HttpRequest, object_id: str) -> str:
    """The HTML body of one revision (`?revision=N`), the current one where none is named."""
    found = load(request, object_id)
    return message_of(request=found, revision=_revision(found, request.GET.get("revision", ""))).html


@console_view()
def attachment(request: HttpRequest, object_id: str, sha256: str) -> HttpResponse:
    """An attachment of the current revision, always as a download."""
    found = load(request, object_id)
    if found.current is None:
        raise Http404("It has no content.")
    payload = found.current.as_dict()["payload"]
    content = stored_contents(workspace=found.workspace, payload=payload).get(sha256)
    if content is None:
        raise Http404("This request has no such attachment.")
    names = [
        one.get("filename") or one.get("name")
        for one in [payload, *payload.get("attachments", [])]
        if one.get("sha256") == sha256
    ]
    name = str(names[0] if names else "attachment")
    # Its own word for what it is would let it run in the browser of whoever looks at it.
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    return response


def require_action(*, found: ExecutionRequest, actor: Any, action: str) -> None:
    """Refuse what is not on offer. The service decides again. Raises PermissionDenied."""
    if action not in available_actions(actor=actor, request=found):
        raise PermissionDenied("You may not do this with this request now. Load the page again.")
