"""A caller of the API: Django's test client with a bearer token, and answers that know what they must look like."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponseBase
from django.test import Client

V1 = "/api/v1"


@dataclass(frozen=True)
class Answer:
    """An answer as a caller sees it."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        """The body; a problem is held against RFC 9457 on the way."""
        body = json.loads(self.text)
        if self.status >= 400:
            assert self.headers["Content-Type"] == "application/problem+json", self.text
            assert {"type", "title", "status", "detail", "errors"} <= set(body), body
            assert body["status"] == self.status
            assert body["detail"], body
        else:
            assert self.headers["Content-Type"] == "application/json", self.text
        return body


class Api:
    """Calls with one token (or none)."""

    def __init__(self, token: str = "", *, client: Client | None = None) -> None:
        self.client = client or Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: Any = None, *, query: Any = None, headers: Any = None) -> Answer:
        """`path` below /api/v1 where it does not begin with /api or another root."""
        address = path if path.startswith("/") else f"{V1}/{path}"
        extra: dict[str, Any] = {"headers": {**self.headers, **(headers or {})}, "query_params": query}
        if body is not None:
            extra |= {
                "data": body if isinstance(body, str | bytes) else json.dumps(body),
                "content_type": "application/json",
            }
        response: HttpResponseBase = self.client.generic(method, address, **_generic(extra))
        content = response.content if hasattr(response, "content") else b"".join(response)
        return Answer(status=response.status_code, headers=response.headers, text=content.decode())

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query=query or None)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: Any = None) -> Answer:
        return self.call("PATCH", path, body)

    def put(self, path: str, body: Any = None) -> Answer:
        return self.call("PUT", path, body)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)


def _generic(extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": extra.get("data", ""),
        "content_type": extra.get("content_type", "application/octet-stream"),
        "headers": extra["headers"],
        "query_params": extra["query_params"],
    }
