"""The console as a Django admin site: its own login, its own rights, one workspace at a time."""

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_replace
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, PasswordChangeView, redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, reverse
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from config.console.entry import home_address
from config.console.shell import shell_of, theme_of
from workspaces.admin.views import in_workspace, login_address
from workspaces.permissions import Permission

STRICT = csp_replace({})


class ConsoleAdminSite(UnfoldAdminSite):
    """Everyone with an active membership may come in; what they may do there follows the table of roles."""

    site_title = "Countersign"
    site_header = "Countersign"
    index_title = "Dashboard"
    login_form = AuthenticationForm
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # unfold's own is for staff alone; here a membership decides.
        self.login_form = AuthenticationForm

    def has_permission(self, request: HttpRequest) -> bool:
        actor = getattr(request, "actor", None)
        return actor is not None and actor.may(Permission.VIEW)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., HttpResponseBase]:
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if view == self.logout:
                return self.logout(request)
            if getattr(request, "workspace", None) is not None:
                return in_workspace(guarded, request, *args, **kwargs)
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), login_url=login_address())
            if request.path_info == "/admin/":
                return HttpResponseRedirect(home_address(request))
            raise Http404("Say in which workspace: console addresses begin with /w/SLUG/.")

        return inner

    def get_urls(self) -> list[URLResolver | URLPattern]:
        from config.console.pages import own_pages

        return [*own_pages(), *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **super().each_context(request),
            "shell": shell_of(request),
            "theme": theme_of(request) or None,
            "site_url": None,
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return []  # the navigation is a table of ours

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:index"))

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # unfold keeps found names per login for five minutes, over all workspaces; nothing here asks for it.
        raise Http404

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        from config.console.dashboard import dashboard

        return dashboard(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The login page, on which nothing of a workspace is shown; also for somebody logged in who may not be here."""
        if request.method == "GET" and request.user.is_authenticated:
            return HttpResponseRedirect(home_address(request))
        view = LoginView.as_view(
            template_name="console/login.html",
            authentication_form=self.login_form,
            next_page="/admin/",
            redirect_field_name=REDIRECT_FIELD_NAME,
            extra_context={"title": "Log in", "theme": theme_of(request)},
        )
        response: HttpResponse = STRICT(never_cache(view))(request)
        return response

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        from django.contrib.auth.views import LogoutView

        response: HttpResponse = LogoutView.as_view(next_page="/admin/login/")(request)
        return response

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        view = PasswordChangeView.as_view(
            template_name="console/password.html",
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), "title": "Change your password"},
        )
        response: HttpResponse = STRICT(view)(request)
        return response

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        from django.contrib import messages

        messages.success(request, "Your password is changed.")
        return HttpResponseRedirect(reverse("admin:index"))
