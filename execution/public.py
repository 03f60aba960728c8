"""Pages for recipients: unsubscribe. No login, no cookie; the link's token is the authority. GET shows, POST acts."""

from uuid import UUID

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts.selectors import written_to
from contacts.services import suppress
from execution.models import ExecutionRequest
from execution.services.credentials import is_link_token
from workspaces.actors import system_actor
from workspaces.scope import all_workspaces, workspace_scope

_POLICY = {"default-src": ["'none'"], "style-src": ["'self'"], "form-action": ["'self'"], "frame-ancestors": ["'none'"]}


# RFC 8058, section 3.1: the one-click POST comes from the mail service, without cookies, so there is no CSRF token to
# check; the token in the address is opaque and cannot be forged.
@csrf_exempt
@csp_replace(_POLICY)
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, request_id: UUID, token: str) -> HttpResponse:
    """Show what unsubscribing means (GET), or do it (POST), as often as one likes."""
    if not is_link_token(purpose="unsubscribe", request_id=request_id, token=token):
        raise Http404
    with all_workspaces("only the link is given: the request says which workspace"):
        sent = ExecutionRequest.objects.select_related("workspace").filter(pk=request_id).first()
        # Retention clears requests; a mail lies in its inbox for longer, and its link has to work.
        workspace, address = (sent.workspace, sent.to) if sent else written_to(request_id=request_id)
    if workspace is None or not address:
        raise Http404
    done = request.method == "POST"
    if done:
        with workspace_scope(workspace):
            suppress(
                workspace=workspace,
                actor=system_actor("unsubscribe", via="link"),
                kind="email",
                address=address,
                reason="opt_out",
                source="unsubscribe link",
            )
    response = render(request, "public/unsubscribe.html", {"done": done, "sender": workspace.name, "address": address})
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
