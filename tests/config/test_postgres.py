"""The finder of the tests' own PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres


def folders_of_the_wheel() -> list[Path]:
    return [folder for folder in postgres._folders_with_binaries() if "pgserver" in str(folder)]


@pytest.fixture
def started() -> Iterator[list[postgres.Server]]:
    servers: list[postgres.Server] = []
    yield servers
    for server in servers:
        server.remove()


def value(server: postgres.Server, statement: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return row and row[0]


def test_the_wheel_serves_where_the_machine_has_no_postgresql(monkeypatch: pytest.MonkeyPatch, started):
    found = folders_of_the_wheel()
    monkeypatch.setattr(postgres, "_folders_with_binaries", lambda: found)
    server = postgres.Server()
    started.append(server)
    server.start()
    assert "pgserver" in str(server.binaries) or server.folder in server.binaries.parents
    assert value(server, "SHOW fsync") == "on"


def test_binaries_that_its_user_cannot_read_are_copied(monkeypatch: pytest.MonkeyPatch, started, tmp_path: Path):
    private = tmp_path / "private"
    package = folders_of_the_wheel()[0].parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(folder, private / folder.name)
    private.chmod(0o700)
    binaries = private / package.name / folders_of_the_wheel()[0].parent.name / "bin"
    monkeypatch.setattr(postgres, "_folders_with_binaries", lambda: [binaries])
    server = postgres.Server()
    started.append(server)
    server.start()
    assert value(server, "SELECT 1") == 1


def test_what_was_committed_is_there_after_a_crash(started):
    server = postgres.Server()
    started.append(server)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.stop(hard=True)
    server.start()
    assert value(server, "SELECT number FROM kept") == 7


def test_it_says_what_to_install_where_there_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "_folders_with_binaries", list)
    with pytest.raises(postgres.NoPostgres, match="TEST_DATABASE_URL"):
        postgres.find_binaries()
