"""Who calls: a bearer token of one membership, or somebody logged in to the console (with CSRF)."""

from dataclasses import dataclass, replace
from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from workspaces.actors import Actor, actor_for_membership, actor_for_token
from workspaces.errors import NotAuthenticated, NotFound, NotPermitted
from workspaces.middleware import LAST_WORKSPACE, membership_of
from workspaces.models import Token, User, Workspace
from workspaces.services import authenticate_token, see_member

REALM = 'Bearer realm="Countersign"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What stands as `request.user` in the API."""

    actor: Actor
    workspace: Workspace
    is_authenticated: bool = True
    is_active: bool = True


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer ...`; the token's membership says which workspace."""

    def authenticate(self, request: Request) -> tuple[Caller, Token] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = authenticate_token(secret=secret.strip())
        workspace = token.membership.workspace
        slug = getattr(request._request, "workspace_slug", None)
        if slug not in (None, workspace.slug):
            raise NotFound("This token belongs to another workspace.")
        try:
            actor = actor_for_token(token=token, via="api")
        except NotPermitted as error:
            raise NotAuthenticated(error.detail) from error
        see_member(membership=token.membership)
        return Caller(actor=actor, workspace=workspace), token

    def authenticate_header(self, request: Request) -> str:
        return REALM


class ConsoleSessionAuthentication(SessionAuthentication):
    """The console's session with its CSRF token. The address says which workspace; without a prefix the one last
    worked in, or the only one.
    """

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_active:
            return None
        self.enforce_csrf(request)
        actor: Actor | None = getattr(request._request, "actor", None)
        workspace: Workspace | None = getattr(request._request, "workspace", None)
        if actor is None or workspace is None:
            return self._last_or_only(request, user=cast(User, user)), None
        return Caller(actor=replace(actor, via="api"), workspace=workspace), None

    def _last_or_only(self, request: Request, *, user: User) -> Caller:
        last = request._request.session.get(LAST_WORKSPACE)
        membership = (last and membership_of(user=user, slug=last)) or membership_of(user=user, slug=None)
        if membership is None:
            raise NotPermitted("Say in which workspace: call this address under /w/SLUG/.")
        actor = actor_for_membership(membership=membership, via="api")
        see_member(membership=membership)
        return Caller(actor=actor, workspace=membership.workspace)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes tokens."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token of one membership in one workspace."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes the console's session."""

    target_class = ConsoleSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The console's login; what changes something also needs the header X-CSRFToken.",
        }
