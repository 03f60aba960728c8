"""The routing of the API: each app's addresses below /api/v1/, the schema, its pages, and 404 for anything else."""

from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from config.cron import CronView
from config.problems import NothingHereView


@cache
def _schema() -> Any:
    """The schema; the same for everybody and as long as this process lives."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1, as JSON unless YAML is asked for (`?format=yaml`, or by the header Accept)."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiYamlRenderer2]

    def _get_schema_response(self, request: Request) -> Response:
        return Response(_schema())

    authentication_classes: Any = ()
    permission_classes: Any = ()


class DocsView(SpectacularSwaggerSplitView):
    """The schema as pages: everything from this server, and nothing inline, so that the strict policy holds."""

    template_name = "api/docs.html"
    authentication_classes: Any = ()
    permission_classes: Any = ()


v1: list[URLPattern | URLResolver] = [
    path("cron/tasks/execute", CronView.as_view(), name="cron"),
    path("", include("workspaces.api.urls")),
    path("", include("contacts.api.urls")),
    path("", include("execution.api.urls")),
    path("", include("campaigns.api.urls")),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(url_name="api:schema"), name="docs"),
    re_path(r"", NothingHereView.as_view(), name="nothing"),
]
app_name = "api"
