"""The web while its database is away: a clear 503 at once, nothing of our code shown, and well again afterwards."""

import http.client
import os
import sys
from collections.abc import Iterator

import pytest

from config.keys import free_port
from tests.support.postgres import Server
from tests.support.processes import Running, manage_environment, running, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def web(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, int]]:
    """The web as it ships, with one thread, on a database that it has reached once and that was then cut off."""
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    environment = manage_environment(
        server.url(), folder, PORT=str(port), WEB_THREADS="1", DEBUG="false", PUBLIC_URL=f"http://127.0.0.1:{port}"
    )
    command = [sys.executable, "-m", "gunicorn", "-c", "python:config.supervisor.web"]
    with running(command, environment={**os.environ, **environment}, log=folder / "log") as process:
        wait_until(lambda: process.process.poll() is not None or answers(port, "/healthz")[0] == 200, what="the web")
        assert "does not answer" not in ask(port, "/readyz")[2]
        server.stop(hard=True)
        yield process, port


def answers(port: int, path: str) -> tuple[int, str, str]:
    try:
        return ask(port, path)
    except OSError:
        return 0, "", ""


def ask(port: int, path: str) -> tuple[int, str, str]:
    """Status, media type and body, as somebody with a session and a token."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Cookie": "sessionid=" + "a" * 32, "Authorization": "Bearer cs_" + "a" * 40}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"] or "", answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/api/v1/execution/status", "application/problem+json"),
        ("/", "text/html; charset=utf-8"),
        ("/w/demo/admin/", "text/html; charset=utf-8"),
        ("/w/demo/admin/queue/", "text/html; charset=utf-8"),
    ],
)
def test_it_says_that_the_database_is_away(web: tuple[Running, int], path: str, media: str) -> None:
    status, kind, body = ask(web[1], path)
    assert (status, kind) == (503, media)
    assert "database does not answer" in body
    assert "Traceback" not in body
    assert "psycopg" not in body


def test_its_log_says_so_in_one_line_each(web: tuple[Running, int]) -> None:
    ask(web[1], "/api/v1/execution/status")
    ask(web[1], "/w/demo/admin/")
    log = web[0].output()
    assert "The database does not answer" in log
    assert "Traceback" not in log


def test_it_is_alive_and_not_ready(web: tuple[Running, int]) -> None:
    assert ask(web[1], "/healthz")[0] == 200
    status, _, body = ask(web[1], "/readyz")
    assert status == 503
    assert "It does not answer." in body


def test_it_is_well_again_once_the_database_is_back(web: tuple[Running, int], server: Server) -> None:
    server.start()
    assert "does not answer" not in ask(web[1], "/readyz")[2]
