"""Where somebody who just arrived is sent: into the workspace they were in last, or their first."""

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render

from workspaces.middleware import LAST_WORKSPACE
from workspaces.models import Membership


def home_address(request: HttpRequest) -> str:
    """The address of this login's own dashboard; of the page for people without a workspace where there is none."""
    slugs = list(
        Membership.objects.filter(
            principal__user=request.user,  # type: ignore[misc]
            principal__is_active=True,
            is_active=True,
        )
        .order_by("workspace__name")
        .values_list("workspace__slug", flat=True)
    )
    last = request.session.get(LAST_WORKSPACE)
    if not slugs:
        return "/nowhere/"
    return f"/w/{last if last in slugs else slugs[0]}/admin/"


def home(request: HttpRequest) -> HttpResponseBase:
    """`/`: to the dashboard, or to the login."""
    if not request.user.is_authenticated:
        return redirect_to_login("/", login_url="/admin/login/")
    return HttpResponseRedirect(home_address(request))


def nowhere(request: HttpRequest) -> HttpResponseBase:
    """For a login without an active membership: what to do about it."""
    if not request.user.is_authenticated:
        return redirect_to_login("/", login_url="/admin/login/")
    if home_address(request) != "/nowhere/":
        return HttpResponseRedirect("/")
    return render(request, "console/nowhere.html", {"title": "No workspace yet"}, status=403)
