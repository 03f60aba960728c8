"""Errors as `application/problem+json` (RFC 9457), whoever raised them."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.serializers import as_serializer_error
from rest_framework.settings import api_settings

from workspaces.api.encoding import ApiEncoder
from workspaces.errors import CountersignError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
_TITLES = {
    400: "The input is not valid",
    401: "Authentication is needed",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "No such representation",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    500: "Something went wrong here",
    503: "Temporarily unavailable",
}


class Problem(HttpResponse):
    """An answer in RFC 9457's form; `extra` are further members, such as current_digest."""

    def __init__(
        self,
        *,
        status: int,
        detail: str,
        title: str = "",
        code: str = "",
        errors: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        title = title or _TITLES.get(status) or HTTPStatus(status).phrase
        body = {
            **(extra or {}),
            "type": f"urn:countersign:problem:{code}" if code else "about:blank",
            "title": title,
            "status": status,
            "detail": detail,
            "errors": dict(errors or {}),
        }
        content = json.dumps(body, cls=ApiEncoder, ensure_ascii=False).encode("utf-8", "replace")
        super().__init__(content, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def problem_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """The answer to anything that a view of the API raised; DRF's EXCEPTION_HANDLER.

    What nobody expected is logged with its trace and answered without a word about it.
    """
    if isinstance(error, CountersignError):
        return _refusal(error, challenge=_challenge(context))
    if isinstance(error, Http404):
        return Problem(status=404, detail="There is nothing at this address.", code="not_found")
    if isinstance(error, PermissionDenied):
        return Problem(status=403, detail=str(error) or "You may not do this.", code="forbidden")
    if isinstance(error, exceptions.ValidationError):
        errors = flat_errors(as_serializer_error(error))
        return Problem(status=400, detail=_told(errors), code="invalid", errors=errors)
    if isinstance(error, ValidationError):
        return Problem(status=400, detail=" ".join(error.messages), code="invalid")
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    if isinstance(error, OperationalError | InterfaceError):
        logger.exception("The database did not answer a call of the API.")
        return unavailable()
    logger.exception("A call of the API failed.")
    return internal_error()


def unavailable() -> Problem:
    """The database does not answer."""
    return Problem(
        status=503,
        detail="The database does not answer just now. Nothing was changed that was not confirmed; try again.",
        code="unavailable",
        headers={"Retry-After": "5"},
    )


def internal_error() -> Problem:
    """Our fault; the trace is in the log."""
    return Problem(status=500, detail="This is our fault, not yours. It was logged; try again later.", code="internal")


def flat_errors(detail: Any, *, path: str = "") -> dict[str, str]:
    """DRF's nested error details by dotted path, as in {"requests.3.to": "..."}."""
    if isinstance(detail, Mapping):
        merged: dict[str, str] = {}
        for key, inner in detail.items():
            step = "" if key == api_settings.NON_FIELD_ERRORS_KEY else str(key)
            merged.update(flat_errors(inner, path=".".join(filter(None, [path, step]))))
        return merged
    if isinstance(detail, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in detail):
            return flat_errors({index: item for index, item in enumerate(detail) if item}, path=path)
        return {path: " ".join(str(item) for item in detail)}
    return {path: str(detail)}


def _refusal(error: CountersignError, *, challenge: str) -> Problem:
    headers = {"WWW-Authenticate": challenge} if error.status == 401 else {}
    if error.status == 503:
        headers["Retry-After"] = "5"
    return Problem(
        status=error.status,
        detail=error.detail,
        title=error.title,
        code=error.code,
        errors=error.fields,
        extra=error.extra,
        headers=headers,
    )


def _from_drf(error: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    errors = flat_errors(error.detail)
    detail = _told(errors)
    if isinstance(error, exceptions.UnsupportedMediaType):
        detail = "Send JSON, with the header Content-Type: application/json."
    if isinstance(error, exceptions.NotAuthenticated):
        detail = "Send a token: Authorization: Bearer ..., or log in to the console."
    code = error.default_code if isinstance(error.default_code, str) else ""
    return Problem(status=error.status_code, detail=detail, code=code, headers=headers)


def _told(errors: Mapping[str, str]) -> str:
    lines = [f"{field}: {text}" if field else text for field, text in list(errors.items())[:5]]
    return " ".join(lines) or "This could not be done."


def _challenge(context: Mapping[str, Any]) -> str:
    request = context.get("request")
    asked = request is not None and "Authorization" in request.headers
    # RFC 6750, section 3.1: a caller who sent a token learns that the token is at fault.
    return 'Bearer realm="Countersign", error="invalid_token"' if asked else 'Bearer realm="Countersign"'
