"""Every address of the installation; each app brings its own list."""

from importlib import import_module

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config import health
from config.console import entry
from execution import public

# The lists of our apps alone: no package that is installed brings a page of its own. The queue's tables hold signed
# pickles, and a row changed there by hand would be carried out; logins and groups are a matter of memberships.
for _app in ("workspaces", "contacts", "execution", "campaigns"):
    import_module(f"{_app}.admin.lists")

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/", include("config.api")),
    path("admin/", admin.site.urls),
    path("u/<uuid:request_id>/<str:token>", public.unsubscribe, name="unsubscribe"),
    path("nowhere/", entry.nowhere, name="nowhere"),
    path("", entry.home, name="home"),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.page_not_found"
handler500 = "config.problems.server_error"
