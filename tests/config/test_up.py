"""`manage.py up` as a demo on SQLite: everything under one process, and gone with it."""

import http.client
import os
import shutil
import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.keys import catcher_port, free_port
from tests.support.processes import Running, alive, descendants, manage_environment, running_manage, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database; copied, since migrating one takes seconds."""
    folder = tmp_path_factory.mktemp("migrated")
    environment = manage_environment(f"sqlite:///{folder / 'db.sqlite3'}", folder / "var")
    with running_manage("migrate", "-v0", environment=environment, log=folder / "log") as migrate:
        assert migrate.wait() == 0, migrate.output()
    return folder / "db.sqlite3"


@pytest.fixture
def environment(tmp_path: Path, migrated: Path) -> dict[str, str]:
    """Of a demo with a database of its own."""
    database = shutil.copy(migrated, tmp_path)
    return manage_environment(f"sqlite:///{database}", tmp_path / "var", DEMO="true", PORT=str(free_port()))


@pytest.fixture
def demo(environment: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    with running_manage("up", "--workers", "2", environment=environment, log=tmp_path / "log") as up:
        wait_until(lambda: up.process.poll() is not None or serves(environment), what="the start")
        assert up.process.poll() is None, up.output()
        yield up


def serves(environment: dict[str, str]) -> bool:
    """Whether something speaks HTTP on the demo's port; which answer it gives does not matter here."""
    connection = http.client.HTTPConnection("127.0.0.1", int(environment["PORT"]), timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status > 0
    except OSError:
        return False
    finally:
        connection.close()


def catches_mail(environment: dict[str, str]) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", catcher_port(Path(environment["VAR_DIR"])), timeout=5).quit()
    except OSError:
        return False
    return True


def test_it_serves_web_and_mail_and_ends_as_a_whole(demo: Running, environment: dict[str, str]):
    wait_until(lambda: catches_mail(environment), what="the mail catcher")
    assert f"http://127.0.0.1:{environment['PORT']}" in demo.output()
    everyone = descendants(demo.pid)
    demo.signal(signal.SIGTERM)
    assert demo.wait() == 0
    assert not any(alive(pid) for pid in everyone)


def test_a_killed_web_server_is_replaced(demo: Running, environment: dict[str, str]):
    web = min(pid for pid in descendants(demo.pid))
    os.kill(web, signal.SIGKILL)
    wait_until(lambda: "web was killed by SIGKILL" in demo.output(), what="the news")
    wait_until(lambda: serves(environment), what="the next web server")


def test_nothing_outlives_a_killed_supervisor(demo: Running):
    everyone = descendants(demo.pid)
    demo.signal(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in everyone), seconds=15, what="the end of all")


def test_a_second_one_in_the_same_folder_is_refused(demo: Running, environment: dict[str, str], tmp_path: Path):
    with running_manage("up", environment=environment, log=tmp_path / "second") as second:
        assert second.wait() != 0
        assert "Another cluster works on this SQLite database" in second.output()
