"""The frame in which a stranger's HTML is shown: it runs nothing, loads nothing, sends nothing, leads nowhere."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from execution.admin.message import safe_html
from workspaces.admin.views import console_view

_POLICY: dict[str, Any] = {
    "default-src": [NONE],
    "script-src": None,
    "style-src": [UNSAFE_INLINE],
    "img-src": ["data:"],
    "font-src": None,
    "connect-src": None,
    "frame-src": None,
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


def framed(read: Callable[..., str]) -> Callable[..., HttpResponseBase]:
    """Make a view of the frame's content out of a function that reads the raw HTML."""

    @wraps(read)
    def show(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return render(request, "console/preview.html", {"body": safe_html(read(request, *args, **kwargs))})

    return xframe_options_sameorigin(csp_replace(_POLICY)(console_view()(show)))
