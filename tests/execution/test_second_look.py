"""What becomes of a call whose outcome is unknown, through a service that knows keys."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from execution.engine.calling import _KEY_MARGIN, second_look
from execution.engine.outcomes import Outcome
from execution.providers.base import AccountConfig, Act, Connection
from execution.providers.webhook import WebhookProvider
from tests.support.keyed_sink import KeyedSink

UNKNOWN = Outcome(kind="ambiguous", detail="No answer came.")
WINDOW = 60.0  # seconds


@pytest.fixture
def sink(settings: Any) -> Iterator[KeyedSink]:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with KeyedSink() as sink:
        yield sink


@pytest.fixture
def connection() -> Iterator[Connection]:
    config = AccountConfig(provider="webhook", options={"key_window_seconds": WINDOW})
    with WebhookProvider().connect(config) as connection:
        yield connection


@pytest.fixture
def act(sink: KeyedSink) -> Act:
    payload = {"url": sink.url, "method": "POST", "json": {}}
    return Act(request_id="r1", attempt_id="a1", channel="webhook", to=[], payload=payload, idempotency_key="r1")


def test_it_is_made_again_while_the_key_is_known(sink: KeyedSink, connection: Connection, act: Act):
    found = second_look(connection=connection, act=act, first=UNKNOWN, begun_at=time.monotonic(), why_not=lambda: "")
    assert (found.kind, len(sink.calls)) == ("done", 1)


def test_it_is_not_made_again_where_something_stops_it(sink: KeyedSink, connection: Connection, act: Act):
    found = second_look(
        connection=connection, act=act, first=UNKNOWN, begun_at=time.monotonic(), why_not=lambda: "hold:global"
    )
    assert (found, sink.calls) == (UNKNOWN, [])


def test_it_is_not_made_again_once_the_key_may_be_forgotten(sink: KeyedSink, connection: Connection, act: Act):
    begun_at = time.monotonic() - WINDOW
    found = second_look(connection=connection, act=act, first=UNKNOWN, begun_at=begun_at, why_not=lambda: "")
    assert (found, sink.calls) == (UNKNOWN, [])


def test_it_is_not_made_again_where_its_turn_comes_after_the_key_may_be_forgotten(
    sink: KeyedSink, connection: Connection, act: Act
):
    begun_at = time.monotonic() - WINDOW * _KEY_MARGIN + 0.5

    def its_turn_comes_late() -> str:
        time.sleep(0.5)
        return ""

    found = second_look(connection=connection, act=act, first=UNKNOWN, begun_at=begun_at, why_not=its_turn_comes_late)
    assert (found, sink.calls) == (UNKNOWN, [])


def test_it_is_connected_before_it_is_asked_whether_it_may(connection: Connection, act: Act, settings: Any):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def held_once_connected() -> str:
            server.accept()[0].close()
            return "hold:global"

        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        found = second_look(
            connection=connection,
            act=replace(act, payload={"url": url, "method": "POST", "json": {}}),
            first=UNKNOWN,
            begun_at=time.monotonic(),
            why_not=held_once_connected,
        )
    assert found == UNKNOWN
