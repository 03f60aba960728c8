"""Content-Security-Policy: strict everywhere, and as much more as unfold needs on the pages of the admin."""

from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponseBase

# unfold's Alpine evaluates attributes, and its theme colours come in a <style> element and style attributes.
ADMIN_ADDITIONS: dict[str, Any] = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
_DECIDED_BY_VIEW = ("_csp_config", "_csp_update", "_csp_replace", "_csp_exempt")


class PolicyMiddleware(CSPMiddleware):
    """Sends the strict policy of the settings; pages of the admin get unfold's additions.

    A view that says its own policy with a decorator of `csp.decorators` keeps exactly that: the pages of ours inside
    the admin that show strangers' text ask for the strict one with `@csp_replace({})`.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        match = request.resolver_match
        decided = any(hasattr(response, name) for name in _DECIDED_BY_VIEW)
        if match is not None and "admin" in match.app_names and not decided:
            response._csp_replace = ADMIN_ADDITIONS  # type: ignore[attr-defined]
        return super().process_response(request, response)
