"""A person at the console: Django's test client, logged in, inside one workspace."""

import io
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from config import urls  # noqa: F401  (registers what the console shows)
from workspaces.models import User, Workspace


class Console:
    """Requests below /w/SLUG/admin/. `post` brings no CSRF token along: what checks it is tested apart."""

    def __init__(self, user: User, *, workspace: Workspace, enforce_csrf: bool = False) -> None:
        self.client = Client(raise_request_exception=True, enforce_csrf_checks=enforce_csrf)
        self.client.force_login(user)
        self.root = f"/w/{workspace.slug}/admin/"

    def get(self, path: str = "", **extra: Any) -> Any:
        return self.client.get(self.address(path), **extra)

    def post(self, path: str, data: Any = None, **extra: Any) -> Any:
        return self.client.post(self.address(path), data or {}, **extra)

    def address(self, path: str) -> str:
        return path if path.startswith("/") else self.root + path

    def text(self, path: str = "", *, status: int = 200) -> str:
        """The page as text; fails on another status."""
        response = self.get(path)
        assert response.status_code == status, (path, response.status_code)
        return body_of(response)


def body_of(response: HttpResponseBase) -> str:
    """The whole body, streamed or not."""
    content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    return bytes(content).decode("utf-8", "replace")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inline_scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        self._in_script = tag == "script" and "src" not in found

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline_scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


def read_html(text: str) -> _Reader:
    """Every tag with its attributes, and every script that stands in the page."""
    reader = _Reader()
    reader.feed(text)
    return reader


def console_patterns() -> list[str]:
    """Every address below admin/ as the URLconf has it, such as `execution/hold/<path:object_id>/change/`."""
    (admin,) = [
        one for one in get_resolver().url_patterns if isinstance(one, URLResolver) and str(one.pattern) == "admin/"
    ]
    return sorted(_walk(admin, ""))


def _walk(resolver: URLResolver, prefix: str) -> list[str]:
    found: list[str] = []
    for one in resolver.url_patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLPattern):
            found.append(path)
        else:
            found += _walk(one, path)
    return found


def upload(text: str, name: str = "people.csv") -> io.BytesIO:
    """A file as a form takes it."""
    file = io.BytesIO(text.encode())
    file.name = name
    return file
