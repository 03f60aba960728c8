"""Errors that no view raised: below /api/ as problem+json, elsewhere as Django's own pages."""

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views import defaults
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from workspaces.api.problems import Problem, internal_error, unavailable
from workspaces.errors import NotFound

_IN_THE_API = ("/api/", "/hooks/")
_AWAY = "<!doctype html><title>Back soon</title><h1>The database does not answer</h1><p>Try again in a moment."


def is_api(request: HttpRequest) -> bool:
    """Whether the caller expects JSON."""
    return request.path_info.startswith(_IN_THE_API)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400: a host or a header that cannot be."""
    if is_api(request):
        return Problem(status=400, detail="The request cannot be read.", code="invalid")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """403."""
    if is_api(request):
        return Problem(status=403, detail=str(exception) or "You may not do this.", code="forbidden")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404."""
    if is_api(request):
        return Problem(status=404, detail="There is nothing at this address.", code="not_found")
    # What our own views say of it is for the reader; of an address that is none there is nothing to say.
    reason = exception.__cause__.detail if isinstance(exception.__cause__, NotFound) else ""
    return render(request, "404.html", {"reason": reason}, status=404)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500; 503 where it is the database that does not answer."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return unavailable() if is_api(request) else HttpResponse(_AWAY, status=503, headers={"Retry-After": "5"})
    return internal_error() if is_api(request) else defaults.server_error(request)


@extend_schema(exclude=True)
class NothingHereView(APIView):
    """Any address below /api/ that no other view has: 404 by every method, without a word on who calls."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address. The addresses are listed at /api/docs.")
