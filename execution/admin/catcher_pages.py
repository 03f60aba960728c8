"""The demo's mail catcher: what this workspace's requests sent, as it was received."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from execution.admin.acts import address_of
from execution.admin.framed import framed
from execution.catcher import CaughtMessage, list_messages, read_message
from execution.channels.text import links
from execution.models import ExecutionRequest
from execution.templatetags.review import reveal
from workspaces.admin.views import console_view, here, page
from workspaces.models import Workspace

_REQUEST_ID = re.compile(rb"^Message-ID:\s*<([0-9a-f-]{36})@", re.IGNORECASE | re.MULTILINE)
_LOOKED_THROUGH = 1_000
SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """A message with the request it carries out."""

    name: str
    at: datetime
    subject: str
    to: str
    sender: str
    request: ExecutionRequest
    address: str


def _request_id(message: CaughtMessage) -> UUID | None:
    found = _REQUEST_ID.search(message.content[:20_000])
    return UUID(found.group(1).decode()) if found else None


def _demo_only() -> None:
    if not settings.MAIL_CATCHER_PORT:
        raise Http404("There is no mail catcher here: mail goes out for real.")


@console_view()
def catcher(request: HttpRequest) -> HttpResponse:
    """The newest messages of this workspace's requests. Whose a message is, its Message-ID says."""
    _demo_only()
    workspace: Workspace = here(request).workspace
    messages = list_messages(limit=_LOOKED_THROUGH, before=request.GET.get("before") or None)
    by_name = {message.name: _request_id(message) for message in messages}
    ids = {request_id for request_id in by_name.values() if request_id}
    mine = {one.pk: one for one in ExecutionRequest.objects.filter(workspace=workspace, pk__in=ids)}
    caught: list[Caught] = []
    for message in messages:
        request_id = by_name[message.name]
        if request_id in mine and len(caught) < SHOWN:
            parsed = message.parsed()
            caught.append(
                Caught(
                    name=message.name,
                    at=message.received_at,
                    subject=str(parsed["subject"] or ""),
                    to=", ".join(message.envelope_to),
                    sender=str(parsed["from"] or message.envelope_from),
                    request=mine[request_id],
                    address=reverse("admin:caught", args=[message.name]),
                )
            )
    return page(request, "console/catcher.html", title="Mail catcher", caught=caught, is_full=len(caught) == SHOWN)


def _own(request: HttpRequest, name: str) -> tuple[CaughtMessage, ExecutionRequest]:
    """The message, if it is of this workspace. Raises Http404 otherwise."""
    _demo_only()
    message = read_message(name)
    request_id = _request_id(message) if message else None
    rows = ExecutionRequest.objects.filter(workspace=here(request).workspace)
    found = rows.filter(pk=request_id).first() if request_id else None
    if message is None or found is None:
        raise Http404("There is no such message in this workspace.")
    return message, found


@console_view()
def caught(request: HttpRequest, name: str) -> HttpResponse:
    """One message: headers, text, links, and its HTML in a frame that loads nothing."""
    message, found = _own(request, name)
    parsed = message.parsed()
    text = _part(message, "plain")
    html = _part(message, "html")
    return page(
        request,
        "console/caught.html",
        title=str(parsed["subject"] or "Message"),
        crumbs=[("Mail catcher", reverse("admin:catcher"))],
        caught=message,
        found=found,
        request_address=address_of(found.pk),
        headers=[(key, str(value)) for key, value in parsed.items()],
        text=reveal(text),
        has_html=bool(html),
        links=links(text, html or None),
        files=[
            (one.get_filename() or "file", one.get_content_type())
            for one in parsed.walk()
            if one.get_content_disposition() == "attachment"
        ],
        raw=message.content[:200_000].decode("utf-8", "replace"),
    )


def _part(message: CaughtMessage, kind: str) -> str:
    for one in message.parsed().walk():
        if one.get_content_type() == f"text/{kind}" and one.get_content_disposition() != "attachment":
            content = one.get_payload(decode=True)
            charset = one.get_content_charset("utf-8")
            return content.decode(charset, "replace").replace("\r\n", "\n") if isinstance(content, bytes) else ""
    return ""


@framed
def caught_preview(request: HttpRequest, name: str) -> str:
    """The HTML body alone."""
    message, _ = _own(request, name)
    return _part(message, "html")
