"""What people do with one request: decide, edit, withdraw, run, undo, retry, settle. POST alone acts."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.admin.request_form import form_for
from execution.admin.request_page import load, render_request, require_action
from execution.errors import StaleApproval
from execution.models import ExecutionRequest
from execution.services import decisions, lifecycle
from execution.services.editing import edit_request, reseal
from execution.services.rights import available_actions
from execution.states import Status
from workspaces.admin.views import back_to, console_view, done, explain, here, page, posted
from workspaces.errors import CountersignError, InvalidInput, NotFound, NotPermitted
from workspaces.permissions import Permission

DECIDED = {"approve": "Approved", "reject": "Rejected", "request_changes": "Changes asked for"}


def address_of(request_id: Any) -> str:
    """The page of a request."""
    return reverse("admin:execution_executionrequest_change", args=[request_id])


def decide_one(*, request: HttpRequest, request_id: Any, verdict: str, digest: str, reason: str) -> ExecutionRequest:
    """Decide on one request under the digest that was shown. Raises what the service raises, and InvalidInput."""
    if not digest:
        raise InvalidInput("The form lacks the digest of what was shown. Load the page again.", fields={})
    calls: Mapping[str, Callable[..., ExecutionRequest]] = {
        "approve": decisions.approve,
        "reject": decisions.reject,
        "request_changes": decisions.request_changes,
    }
    if verdict not in calls:
        raise InvalidInput("Say approve, reject or request_changes.", fields={"verdict": "Unknown."})
    return calls[verdict](
        workspace=here(request).workspace,
        actor=here(request).actor,
        request_id=request_id,
        digest=digest,
        reason=reason.strip(),
    )


@console_view(methods=("POST",))
def decide(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """A person's verdict on what they were shown. The right is checked by the service, which records a refusal."""
    found = load(request, object_id)
    verdict = request.POST.get("verdict", "")
    try:
        after = decide_one(
            request=request,
            request_id=found.pk,
            verdict=verdict,
            digest=request.POST.get("digest", ""),
            reason=request.POST.get("reason", ""),
        )
    except StaleApproval as error:
        return render_request(
            request, load(request, object_id), status=409, stale=error.extra["diff"], stale_words=error.detail
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
        return HttpResponseRedirect(address_of(found.pk))
    done(request, _after_words(verdict=verdict, after=after))
    return back_to(request, otherwise=address_of(found.pk))


def _after_words(*, verdict: str, after: ExecutionRequest) -> str:
    if verdict == "approve" and after.status == Status.PENDING:
        return "Your approval is recorded. Other gates or people are still needed."
    if verdict == "approve" and after.undo_until:
        return "Approved. It waits for the undo window and then goes."
    return f"{DECIDED[verdict]}: {after}."


@console_view(methods=("POST",))
def act(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """One of cancel, run, undo, retry, resolve, reseal."""
    found = load(request, object_id)
    name = request.POST.get("act", "")
    offered = available_actions(actor=here(request).actor, request=found)
    if name not in ACTS:
        raise NotFound("There is no such act.")
    if name not in offered and not _only_late(name=name, found=found):
        raise PermissionDenied("You may not do this with this request now. Load the page again.")
    try:
        words = ACTS[name](request, found)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, words)
    return back_to(request, otherwise=address_of(found.pk))


def _only_late(*, name: str, found: ExecutionRequest) -> bool:
    """Whether it was on offer until a moment ago: then the service's own words explain better than a refusal."""
    return name in ("undo", "run", "cancel") and found.status in (Status.DISPATCHING, Status.SUCCEEDED, Status.APPROVED)


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"workspace": here(request).workspace, "actor": here(request).actor}


def _cancel(request: HttpRequest, found: ExecutionRequest) -> str:
    lifecycle.cancel(**_who(request), request_id=found.pk, reason=request.POST.get("reason", ""))
    return "Withdrawn. It will not be carried out."


def _run(request: HttpRequest, found: ExecutionRequest) -> str:
    after = lifecycle.run_now(**_who(request), request_id=found.pk)
    if after.status == Status.SUCCEEDED:
        return "Done."
    return f"It is {after.get_status_display().lower()}. {after.last_error}".strip()


def _undo(request: HttpRequest, found: ExecutionRequest) -> str:
    lifecycle.undo(**_who(request), request_id=found.pk)
    return "The approval is taken back. It waits at its gate again."


def _retry(request: HttpRequest, found: ExecutionRequest) -> str:
    lifecycle.retry(**_who(request), request_id=found.pk, reason=request.POST.get("reason", ""))
    return "It goes round again; every check applies anew."


def _resolve(request: HttpRequest, found: ExecutionRequest) -> str:
    outcome = request.POST.get("outcome", "")
    lifecycle.resolve(**_who(request), request_id=found.pk, outcome=outcome, reason=request.POST.get("reason", ""))
    return "Settled: it was sent." if outcome == "was_sent" else "Settled: it was not sent, and is tried again."


def _reseal(request: HttpRequest, found: ExecutionRequest) -> str:
    reseal(**_who(request), request_id=found.pk)
    return "Sealed again under the present mode and account. Its gates are open again."


ACTS: dict[str, Callable[[HttpRequest, ExecutionRequest], str]] = {
    "cancel": _cancel,
    "run": _run,
    "undo": _undo,
    "retry": _retry,
    "resolve": _resolve,
    "reseal": _reseal,
}


@console_view(permission=Permission.PROPOSE, methods=("GET", "HEAD", "POST"))
def edit(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """The form that makes a new revision. Whoever saves it is an author from then on."""
    found = load(request, object_id)
    require_action(found=found, actor=here(request).actor, action="edit")
    form = form_for(found=found, data=posted(request))
    valid = request.method == "POST" and form.is_valid()
    if request.method == "POST" and request.POST.get("digest") != found.digest:
        form.add_error(
            None, "Somebody changed this request since you opened it. Look at what it says now, then edit again."
        )
    elif valid:
        try:
            edit_request(**_who(request), request_id=found.pk, **form.changes())
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
        except CountersignError as error:
            form.take(error)
        else:
            done(request, "Saved as a new revision. Its gates are open again, and somebody else approves it.")
            return HttpResponseRedirect(address_of(found.pk))
    return page(
        request,
        "console/edit.html",
        title="Edit",
        status=400 if form.errors else 200,
        crumbs=[
            ("Requests", reverse("admin:execution_executionrequest_changelist")),
            (str(found), address_of(found.pk)),
        ],
        found=found,
        form=form,
    )
