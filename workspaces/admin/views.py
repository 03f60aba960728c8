"""The frame of the console's own pages: who may see them, in which workspace, under the strict policy."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import wraps
from typing import Any, cast
from zoneinfo import ZoneInfo

from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from workspaces.actors import Actor
from workspaces.errors import CountersignError, NotFound, NotPermitted
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

View = Callable[..., HttpResponseBase]


class ConsoleRequest(HttpRequest):
    """A request inside a workspace's console, as WorkspaceMiddleware leaves it."""

    workspace: Workspace
    actor: Actor


def here(request: HttpRequest) -> ConsoleRequest:
    """The same request, by the type that has its workspace and its member."""
    return cast(ConsoleRequest, request)


def in_workspace(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Call `view` inside the workspace's scope and time zone, its template rendered there too."""
    workspace = here(request).workspace
    with ExitStack() as stack:
        stack.enter_context(workspace_scope(workspace))
        stack.enter_context(timezone.override(ZoneInfo(workspace.time_zone)))
        response = view(request, *args, **kwargs)
        if hasattr(response, "render") and not getattr(response, "is_rendered", True):
            response.render()
    return response


def console_view(*, permission: Permission = Permission.VIEW, methods: Sequence[str] = ("GET", "HEAD")) -> Any:
    """Decorate a view of a console page.

    Strangers are sent to the login, people from elsewhere get 404, members without `permission` 403. Runs in the
    workspace's scope, under the strict Content-Security-Policy of the settings.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), login_url=login_address())
            actor: Actor | None = getattr(request, "actor", None)
            if getattr(request, "workspace", None) is None or actor is None:
                raise Http404
            if request.method not in methods:
                return HttpResponseNotAllowed(list(methods))
            try:
                actor.require(permission)
                return in_workspace(view, request, *args, **kwargs)
            except NotPermitted as error:
                raise PermissionDenied(error.detail) from error
            except NotFound as error:
                raise Http404(error.detail) from error

        return csp_replace({})(never_cache(csrf_protect(inner)))

    return decorate


def login_address() -> str:
    """Where people log in: outside every workspace."""
    return "/admin/login/"


def page(request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any) -> HttpResponse:
    """A whole console page: `template` in the frame with navigation, mode and holds."""
    return render(request, template, {**admin.site.each_context(request), "title": title, **context}, status=status)


def back_to(request: HttpRequest, *, otherwise: str) -> HttpResponseRedirect:
    """To the address the form names in `next`, where it is one of this site's own; to `otherwise` if not."""
    wanted = request.POST.get("next", "") or request.GET.get("next", "")
    fine = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(wanted if fine else otherwise)


def posted(request: HttpRequest) -> Any:
    """What a form is bound to: the body of a POST, even an empty one; None for a page that is only shown."""
    return request.POST if request.method == "POST" else None


def explain(request: HttpRequest, error: CountersignError) -> None:
    """Put a refusal in front of the person: what is wrong, field by field, and what to do."""
    details = " ".join(f"{field}: {text}" for field, text in error.fields.items())
    messages.error(request, f"{error.detail} {details}".strip())


def done(request: HttpRequest, text: str) -> None:
    """Say that it is done."""
    messages.success(request, text)


def change_address(instance: Any) -> str:
    """The address of an object's page."""
    meta = instance._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[instance.pk])
