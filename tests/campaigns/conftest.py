"""A Claude that answers from a script, over a real socket: the SDK's HTTP client can be met no other way."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.execution.conftest import account, clock, service  # noqa: F401  (fixtures of the tests below)

Reply = dict[str, Any] | Response
USAGE = {"input_tokens": 1_000, "output_tokens": 200}


def answer(value: Any, *, stop_reason: str = "end_turn", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    """A message as the API sends it; `value` becomes the JSON text of its answer, or stands as it is if it is text."""
    text = value if isinstance(value, str) else json.dumps(value)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage or USAGE,
    }


class FakeClaude:
    """What was asked, and what is answered: a reply, or a function of the request's body."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.replies: list[Reply | Callable[[dict[str, Any]], Reply]] = []

    def handle(self, request: Request) -> Response:
        body = request.get_json()
        self.asked.append(body)
        if not self.replies:
            return Response("the test gave no more replies", status=500)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        made = reply(body) if callable(reply) and not isinstance(reply, Response) else reply
        if isinstance(made, Response):
            return made
        return Response(json.dumps(made), content_type="application/json", headers={"request-id": "req_1"})

    @property
    def questions(self) -> list[str]:
        """What was asked, as text."""
        return [str(body["messages"][0]["content"]) for body in self.asked]


@pytest.fixture
def claude(httpserver: HTTPServer, settings: Settings) -> FakeClaude:
    """A Claude with a key in the settings; without replies it fails every call."""
    fake = FakeClaude()
    httpserver.expect_request("/v1/messages", method="POST").respond_with_handler(fake.handle)
    settings.ANTHROPIC_API_KEY = "key-of-the-tests"
    settings.ANTHROPIC_BASE_URL = httpserver.url_for("").rstrip("/")
    settings.ANTHROPIC_MODEL = "claude-sonnet-5-5"
    settings.LLM_RETRIES = 0
    settings.LLM_TIMEOUT_SECONDS = 10.0
    return fake
