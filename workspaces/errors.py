"""The errors a caller is meant to see. Each says what is wrong and what to do next."""

from collections.abc import Mapping
from typing import Any


class CountersignError(Exception):
    """Base of every refusal. `detail` is for the reader, `code` for programs, `status` is the HTTP answer."""

    code = "error"
    status = 400
    title = "The request could not be carried out"

    def __init__(self, detail: str, *, fields: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = dict(fields or {})
        self.extra = extra


class InvalidInput(CountersignError):
    """The input is malformed; `fields` maps each offending field's path to what is wrong with it."""

    code = "invalid"
    title = "The input is not valid"


class NotAuthenticated(CountersignError):
    """No valid token or session came with the call."""

    code = "unauthenticated"
    status = 401
    title = "Authentication is needed"


class NotPermitted(CountersignError):
    """The caller is known but lacks the right."""

    code = "forbidden"
    status = 403
    title = "Not permitted"


class NotFound(CountersignError):
    """There is no such thing in this workspace."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(CountersignError):
    """The thing is in a state that does not allow this, or a digest or key does not fit."""

    code = "conflict"
    status = 409
    title = "Conflict"


class Unavailable(CountersignError):
    """A part that is needed does not answer just now; try again."""

    code = "unavailable"
    status = 503
    title = "Temporarily unavailable"
