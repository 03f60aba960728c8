"""Webhooks over a real socket: what goes over the wire, and what each answer means."""

import base64
import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from execution.providers.base import UNKNOWN, AccountConfig, Act, Connection, Receipt
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, Stale, Transient
from execution.providers.webhook import WebhookProvider
from tests.support.keyed_sink import KeyedSink

SECRET = "whsec_" + base64.b64encode(b"a key of the tests, 32 bytes long").decode()


@pytest.fixture
def sink(settings: Any) -> Iterator[KeyedSink]:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with KeyedSink() as sink:
        yield sink


def connection(secret: str = SECRET, **options: Any) -> Connection:
    return WebhookProvider().connect(AccountConfig(provider="webhook", password=secret, options=options))


def act(url: str, **payload: Any) -> Act:
    payload = {"url": url, "method": "POST", "json": {"note": "Grüße", "n": [1, None]}} | payload
    return Act(
        request_id="r1",
        attempt_id="a1",
        channel="webhook",
        to=[],
        payload={name: value for name, value in payload.items() if value is not None},
        idempotency_key="r1",
    )


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_what_goes_over_the_wire_is_what_was_approved(sink: KeyedSink):
    receipt = connection().perform(act(f"{sink.url}/in?a=1", method="PUT"))
    (got,) = sink.calls
    assert (got.method, got.path, got.json) == ("PUT", "/in?a=1", {"note": "Grüße", "n": [1, None]})
    assert got.headers["content-type"] == "application/json"
    assert receipt.wire_digest == hashlib.sha256(got.body).hexdigest()


def test_a_get_has_no_body(sink: KeyedSink):
    connection().perform(act(sink.url, method="GET", json=None))
    assert (sink.calls[0].method, sink.calls[0].path, sink.calls[0].body) == ("GET", "/", b"")


def test_each_try_bears_the_same_key(sink: KeyedSink):
    for _ in range(2):
        connection().perform(act(sink.url))
    assert [got.key for got in sink.calls] == ["r1", "r1"]
    assert sink.done == {"r1": 1}


@pytest.mark.parametrize(
    ("secret", "key"), [(SECRET, b"a key of the tests, 32 bytes long"), ("plain words", b"plain words")]
)
def test_it_is_signed_as_standard_webhooks_says(sink: KeyedSink, secret: str, key: bytes):
    connection(secret).perform(act(sink.url))
    (got,) = sink.calls
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"


def test_without_a_secret_it_is_not_signed(sink: KeyedSink):
    connection("").perform(act(sink.url))
    assert "webhook-signature" not in sink.calls[0].headers


def test_a_secret_that_is_no_base64_stops_the_account_before_any_call(sink: KeyedSink):
    with pytest.raises(Misconfigured):
        connection("whsec_!").perform(act(sink.url))
    assert sink.calls == []


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((status, Permanent) for status in (301, 307, 308, 400, 401, 404, 409, 410, 422, 501)),
        *((status, Transient) for status in (408, 425, 429, 503)),
        *((status, Ambiguous) for status in (500, 502, 504)),
    ],
)
def test_what_each_refusal_means(sink: KeyedSink, status: int, meaning: type[Exception]):
    sink.status = lambda got: status
    with pytest.raises(meaning) as refusal:
        connection().perform(act(sink.url))
    assert refusal.value.code == status  # type: ignore[attr-defined]


def test_with_a_key_a_conflict_means_that_an_earlier_try_is_under_way(sink: KeyedSink):
    sink.status = lambda got: 409
    with pytest.raises(Ambiguous):
        connection(key_window_seconds=60).perform(act(sink.url))


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("999999", 3_600.0), ("soon", 60.0)])
def test_it_waits_as_long_as_it_is_asked_to(sink: KeyedSink, header: str, seconds: float):
    sink.status, sink.headers = (lambda got: 429), {"Retry-After": header}
    with pytest.raises(Transient) as refusal:
        connection().perform(act(sink.url))
    assert refusal.value.retry_after == seconds


def test_a_redirect_is_not_followed(sink: KeyedSink):
    sink.status, sink.headers = (lambda got: 302), {"Location": f"{sink.url}/elsewhere"}
    with pytest.raises(Permanent):
        connection().perform(act(sink.url))
    assert [got.path for got in sink.calls] == ["/"]


def test_an_answer_that_never_comes_leaves_it_open(sink: KeyedSink):
    sink.stall_at = 0
    with pytest.raises(Ambiguous):
        connection(answer_timeout=0.3).perform(act(sink.url))
    assert sink.done == {"r1": 1}


def test_an_answer_that_trickles_is_cut_off(settings: Any):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        connecting = connection(answer_timeout=0.5)
        request = act(f"http://127.0.0.1:{server.getsockname()[1]}/")

        def trickle() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(65_536)
                try:
                    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
                        taken.sendall(bytes([byte]))
                        over.wait(0.1)
                except OSError:
                    return

        over = threading.Event()
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            with pytest.raises(Ambiguous):
                connecting.perform(request)
        finally:
            over.set()
            thread.join()


def test_a_connection_opened_ahead_is_used_for_the_call_and_for_no_other(sink: KeyedSink):
    with connection() as ahead:
        ahead.open(act(sink.url))
        ahead.open(act(sink.url))
        for _ in range(2):
            ahead.perform(act(sink.url))
    assert [got.key for got in sink.calls] == ["r1", "r1"]


def test_a_connection_opened_for_another_address_is_not_used(sink: KeyedSink):
    with connection() as ahead:
        ahead.open(act(f"{sink.url}/one"))
        ahead.perform(act(f"{sink.url}/two"))
    assert [got.path for got in sink.calls] == ["/two"]


def test_opening_ahead_says_nothing(settings: Any):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with socket.create_server(("127.0.0.1", 0)) as server, connection() as ahead:
        ahead.open(act(f"http://127.0.0.1:{server.getsockname()[1]}/"))
        taken, _ = server.accept()
        with taken:
            taken.settimeout(0.2)
            with pytest.raises(TimeoutError):
                taken.recv(1)


def test_a_connection_opened_ahead_that_is_gone_is_not_replaced_behind_the_callers_back(settings: Any):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with socket.create_server(("127.0.0.1", 0)) as server, connection() as ahead:
        request = act(f"http://127.0.0.1:{server.getsockname()[1]}/")
        ahead.open(request)
        server.accept()[0].close()
        with pytest.raises(Stale, match="Nothing was sent"):
            ahead.perform(request)
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("is_ahead", [True, False])
def test_it_encrypts_where_the_address_says_so(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, certificate: Path, is_ahead: bool
):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with KeyedSink(tls=tls) as sink, connection() as hook:
        if is_ahead:
            hook.open(act(sink.url))
        hook.perform(act(sink.url))
    assert sink.url.startswith("https:")
    assert sink.done == {"r1": 1}


def test_it_calls_nobody_whose_certificate_it_cannot_trust(settings: Any, tls: ssl.SSLContext):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with KeyedSink(tls=tls) as sink, connection() as hook, pytest.raises(Permanent, match="certificate"):
        hook.perform(act(sink.url))
    assert sink.calls == []


def test_opening_ahead_says_what_is_wrong_with_the_address(settings: Any):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with pytest.raises(Transient):
        connection().open(act(f"http://127.0.0.1:{closed_port()}/"))
    settings.OUTBOUND_ALLOW_PRIVATE = False
    with pytest.raises(Permanent, match="not public"):
        connection().open(act("http://127.0.0.1/"))


def test_nobody_listening_is_tried_again(settings: Any):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with pytest.raises(Transient):
        connection().perform(act(f"http://127.0.0.1:{closed_port()}/"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0"])
def test_an_address_that_is_not_public_is_never_called(sink: KeyedSink, settings: Any, host: str):
    settings.OUTBOUND_ALLOW_PRIVATE = False
    port = sink.url.rpartition(":")[2]
    with pytest.raises(Permanent, match="not public"):
        connection().perform(act(f"http://{host}:{port}/"))
    assert sink.calls == []


def test_a_look_up_finds_what_was_done(sink: KeyedSink):
    kept = connection(lookup_url=f"{sink.url}/acts/{{id}}")
    assert kept.lookup(act(sink.url)) is None
    kept.perform(act(sink.url))
    assert isinstance(kept.lookup(act(sink.url)), Receipt)
    assert len(sink.calls) == 1


def test_without_a_look_up_nothing_can_be_told(sink: KeyedSink):
    assert connection().lookup(act(sink.url)) is UNKNOWN


def test_a_look_up_that_does_not_answer_is_not_a_no(sink: KeyedSink):
    with pytest.raises(Transient):
        connection(lookup_url=f"http://127.0.0.1:{closed_port()}/{{id}}").lookup(act(sink.url))
