"""The workspace in the address: `/w/SLUG/...` is the console (or the API) of one workspace.

The prefix is treated as a script prefix: views and `reverse` know nothing of it, so that two tabs can never act in
the wrong tenant.
"""

import re
from collections.abc import Callable
from typing import cast

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix

from workspaces.actors import Actor, actor_for_membership
from workspaces.errors import NotPermitted
from workspaces.models import Membership, User, Workspace
from workspaces.services.presence import see_member

_PREFIX = re.compile(r"/w/([a-z0-9][a-z0-9-]{0,39})(?=/|$)")
_BY_ITSELF = ("/admin/pulse/",)  # what an open page asks for by itself is no sign of a person
LAST_WORKSPACE = "workspace"  # the session's key for the slug last worked in


class WorkspaceRequest(HttpRequest):
    """A request as the middleware leaves it. All three are None without a prefix; the last two for a stranger."""

    workspace_slug: str | None
    workspace: Workspace | None
    actor: Actor | None


class WorkspaceMiddleware:
    """Takes `/w/SLUG` off the path and attaches the workspace and the member. Stands below the authentication.

    A login that is not a member gets 404, as for a workspace that is not there. Someone not logged in passes: the
    login page and bearer tokens come after.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, http_request: HttpRequest) -> HttpResponseBase:
        request = cast(WorkspaceRequest, http_request)
        request.workspace_slug = request.workspace = request.actor = None
        match = _PREFIX.match(request.path_info)
        if match is None:
            return self.get_response(request)
        slug = match.group(1)
        request.workspace_slug = slug
        request.path_info = request.path_info[match.end() :] or "/"
        outer = get_script_prefix()
        set_script_prefix(f"{outer.rstrip('/')}/w/{slug}/")
        try:
            if request.user.is_authenticated:
                self._attach(request, slug=slug)
            return self.get_response(request)
        finally:
            # The prefix is the thread's, and the next request of this thread may carry none.
            set_script_prefix(outer)

    def _attach(self, request: WorkspaceRequest, *, slug: str) -> None:
        membership = membership_of(user=cast(User, request.user), slug=slug)
        if membership is None:
            raise Http404("There is no such workspace.")
        try:
            request.actor = actor_for_membership(membership=membership, via="console")
        except NotPermitted as error:
            raise Http404("There is no such workspace.") from error
        request.workspace = membership.workspace
        if request.path_info not in _BY_ITSELF:
            see_member(membership=membership)
        if request.session.get(LAST_WORKSPACE) != slug:
            request.session[LAST_WORKSPACE] = slug


def membership_of(*, user: User, slug: str | None) -> Membership | None:
    """The membership of a login in the workspace `slug`; for None, in the only workspace it belongs to."""
    rows = Membership.objects.select_related("workspace", "principal__user").filter(principal__user=user)
    if slug is not None:
        return rows.filter(workspace__slug=slug).first()
    found = list(rows.filter(is_active=True)[:2])
    return found[0] if len(found) == 1 else None
