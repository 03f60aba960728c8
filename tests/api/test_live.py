"""The API over a real socket, as curl sees it: headers, bytes, threads at once, and the whole path of one request."""

import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connection

from execution.models import ExecutionPlan, ExecutionRequest
from tests.api.conftest import EMAIL
from tests.builders import Cast, make_cast


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test says what went wrong."""


class Served:
    """A running server, and calls to it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method, path, body=None, *, token="", **headers):
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        caller.request(method, path, body=data, headers=headers)
        answer = caller.getresponse()
        text = answer.read().decode()
        caller.close()
        return answer.status, dict(answer.getheaders()), json.loads(text) if text else None


def _closing(application):
    def serve(environ, start_response):
        try:
            yield from application(environ, start_response)
        finally:
            connection.close()

    return serve


@pytest.fixture
def served(live_db: str) -> Iterator[Served]:
    server = ThreadedWSGIServer(("127.0.0.1", 0), _QuietHandler)
    server.daemon_threads = False  # so that closing waits for them
    server.set_app(_closing(get_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Served(server.server_port)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cast(served: Served) -> Cast:
    cast = make_cast(mode="dry_run")
    for name in ("rosa", "crm", "omar"):
        cast.token_of(name)
    return cast


def test_the_whole_path_of_a_request(served, cast):
    crm, rosa = cast.token_of("crm"), cast.token_of("rosa")
    body = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
    status, headers, made = served.call("POST", "/api/v1/execution/requests", body, token=crm)
    assert (status, made["status"], made["mode"]) == (201, "pending", "dry_run")
    status, _, shown = served.call("GET", headers["Location"], token=crm)
    assert (status, shown["digest"]) == (200, made["digest"])
    _, _, queue = served.call("GET", "/api/v1/execution/pending", token=rosa)
    assert [row["id"] for row in queue["results"]] == [made["id"]]
    decision = {"execution_id": made["id"], "digest": made["digest"], "reason": "good"}
    status, headers, refused = served.call("POST", "/api/v1/execution/approve", decision, token=crm)
    assert (status, headers["Content-Type"], refused["status"]) == (403, "application/problem+json", 403)
    status, _, approved = served.call("POST", "/api/v1/execution/approve", decision, token=rosa)
    assert (status, approved["status"]) == (200, "approved")
    status, _, done = served.call("POST", f"/api/v1/execution/requests/{made['id']}/run", token=rosa)
    assert (status, done["status"], done["dry_run"]) == (200, "succeeded", True)
    assert done["delivery"]["state"] == "dry_run"
    assert [attempt["state"] for attempt in done["attempts"]] == ["dry_run"]
    _, _, history = served.call("GET", "/api/v1/execution/history?status=succeeded", token=rosa)
    assert [row["id"] for row in history["results"]] == [made["id"]]
    _, _, contact = served.call("GET", f"/api/v1/contacts/{done['contact']}", token=rosa)
    assert contact["last_dry_run_at"]
    assert contact["last_contacted_at"] is None


def test_links_lead_back_to_the_same_server(served, cast):
    for number in range(3):
        served.call(
            "POST",
            "/api/v1/execution/requests",
            {"channel": "email", "to": f"p{number}@example.org", "payload": EMAIL},
            token=cast.token_of("crm"),
        )
    _, _, page = served.call("GET", "/api/v1/execution/pending?limit=2", token=cast.token_of("rosa"))
    root = f"http://127.0.0.1:{served.port}"
    assert page["next"].startswith(f"{root}/api/v1/execution/pending?")
    _, _, rest = served.call("GET", page["next"].removeprefix(root), token=cast.token_of("rosa"))
    assert (len(page["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)


def test_a_head_has_no_body_and_a_wrong_token_a_challenge(served, cast):
    status, headers, body = served.call("HEAD", "/api/v1/execution/status", token=cast.token_of("rosa"))
    assert (status, body) == (200, None)
    status, headers, _ = served.call("GET", "/api/v1/execution/status", token="wrong")
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="Countersign", error="invalid_token"')


def test_a_body_cut_short_or_not_utf8_is_400(served, cast):
    for raw in (b'{"channel": "em', b"\xff\xfe"):
        caller = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        headers = {"Authorization": f"Bearer {cast.token_of('crm')}", "Content-Type": "application/json"}
        caller.request("POST", "/api/v1/execution/requests", body=raw, headers=headers)
        answer = caller.getresponse()
        assert answer.status == 400
        assert json.loads(answer.read())["status"] == 400
        caller.close()


@pytest.mark.race
def test_one_key_from_many_callers_at_once_proposes_once(served, cast):
    body = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
    plan = {"title": "P", "goal": "", "requests": [body, {**body, "to": "two@example.org"}]}
    token = cast.token_of("crm")

    def once(number):
        path, sent = [("requests", body), ("plans", plan)][number % 2]
        return served.call(
            "POST", f"/api/v1/execution/{path}", sent, token=token, **{"Idempotency-Key": f"key of {path}"}
        )

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(once, range(24)))
    for group in (answers[::2], answers[1::2]):
        assert sorted(status for status, _, _ in group) == [200] * 11 + [201]
        assert len({body["id"] for _, _, body in group}) == 1
    with cast.scope():
        assert (ExecutionPlan.objects.count(), ExecutionRequest.objects.count()) == (1, 3)


@pytest.mark.race
def test_many_approvals_at_once_make_one_decision(served, cast):
    _, _, made = served.call(
        "POST",
        "/api/v1/execution/requests",
        {"channel": "email", "to": "new@example.org", "payload": EMAIL},
        token=cast.token_of("crm"),
    )
    decision = {"execution_id": made["id"], "digest": made["digest"]}

    def approve(_):
        return served.call("POST", "/api/v1/execution/approve", decision, token=cast.token_of("rosa"))

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(approve, range(24)))
    assert {status for status, _, _ in answers} == {200}
    assert len(answers[-1][2]["gates"][0]["decisions"]) == 1
