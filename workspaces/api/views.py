"""The base of every view: the caller, its workspace as the scope of every query, and input read strictly."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workspaces.actors import Actor
from workspaces.api.auth import Caller
from workspaces.api.bodies import Body
from workspaces.api.pagination import CursorPage
from workspaces.api.parsing import MergePatchParser, StrictJSONParser
from workspaces.errors import InvalidInput
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

PAGING = ("limit", "cursor")


class WorkspaceView(APIView):
    """A view of one workspace. Everything a method does runs inside that workspace's scope.

    Reading takes the right to view; what changes something is checked by the service that does it.
    """

    parser_classes: Sequence[type[BaseParser]] = (StrictJSONParser,)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._stack:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.actor.require(Permission.VIEW, workspace_id=self.workspace.id)
        self._stack.enter_context(workspace_scope(self.workspace))

    @property
    def _caller(self) -> Caller:
        return cast(Caller, self.request.user)

    @property
    def actor(self) -> Actor:
        return self._caller.actor

    @property
    def workspace(self) -> Workspace:
        return self._caller.workspace

    @property
    def given(self) -> dict[str, Any]:
        """The body as it came: an object, by the parser."""
        return cast(dict[str, Any], self.request.data)

    def body(self, shape: type[Body], *, partial: bool = False) -> dict[str, Any]:
        """The body as `shape` reads it: the fields that were given, and defaults. Raises ValidationError."""
        read = shape(data=self.given, partial=partial, context={"workspace": self.workspace})
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def query(self, shape: type[Body] = Body) -> dict[str, Any]:
        """The parameters of the query but for those of paging. Raises ValidationError for an unknown one."""
        given = {key: ",".join(values) for key, values in self.request.query_params.lists() if key not in PAGING}
        for key, value in given.items():
            if "\0" in key or "\0" in value:
                raise InvalidInput("A query may not hold a NUL character.", fields={"query": "Holds a NUL."})
        # `?q=` is how a form says that nothing was asked for.
        given = {key: value for key, value in given.items() if value or key not in shape().fields}
        read = shape(data=given, context={"time_zone": self.workspace.time_zone})
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def page(
        self,
        rows: QuerySet[Any],
        shape: type[serializers.BaseSerializer],
        *,
        order: tuple[str, ...] = ("-id",),
        ready: Callable[[list[Any]], None] | None = None,
    ) -> Response:
        """One page of `rows` in the form of `shape`; `ready` may complete the rows of the page together."""
        paginator = CursorPage(order=order)
        found = paginator.paginate_queryset(rows, self.request)
        if ready is not None:
            ready(found)
        return paginator.get_paginated_response(self.shown(shape, found, many=True))

    def shown(self, shape: type[serializers.BaseSerializer], thing: Any, *, many: bool = False) -> Any:
        """`thing` in the form of `shape`."""
        context = {"actor": self.actor, "workspace": self.workspace}
        return shape(thing, many=many, context=context).data

    def made(self, data: Any, *, at: UUID | str, new: bool = True) -> Response:
        """201 with where the new thing is found; 200 where it was there already."""
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(data, status=code, headers={"Location": f"{self.request.path}/{at}"})


class PatchView(WorkspaceView):
    """A view whose PATCH may also come as `application/merge-patch+json` (RFC 7396)."""

    parser_classes = (StrictJSONParser, MergePatchParser)


# For the schema


class ProblemShape(serializers.Serializer):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(child=serializers.CharField())  # type: ignore[assignment]


_WORDS = {
    400: "What was sent is malformed; `errors` names the fields.",
    401: "No valid token and no session.",
    403: "The caller lacks the right.",
    404: "There is no such thing in this workspace.",
    409: "The state, digest or key does not fit.",
    413: "The body is too large.",
    415: "The body is not JSON.",
}


def problems(*codes: int) -> dict[Any, Any]:
    """The answers besides the good ones, for the schema: 400, 401 and 403 always."""
    return {
        (code, "application/problem+json"): OpenApiResponse(ProblemShape, _WORDS[code])
        for code in sorted({400, 401, 403, *codes})
    }


@cache
def page_of(shape: type[serializers.BaseSerializer]) -> serializers.Serializer:
    """The schema of a page."""
    name = shape.__name__.removesuffix("Shape")
    return inline_serializer(
        name=f"{name}Page",
        fields={
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": shape(many=True),
        },
    )


LIMIT = OpenApiParameter("limit", int, description="Rows a page, 1 to 100; 50 if not given.")
CURSOR = OpenApiParameter("cursor", str, description="From the links `next` and `previous`.")
