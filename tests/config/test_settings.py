"""What the settings make of the environment."""

from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler

from config.settings import _database
from tests.support.processes import manage_environment, running_manage


def test_sqlite_forgets_no_commit_and_waits_its_turn(tmp_path: Path, django_db_blocker):
    connection = ConnectionHandler({"default": _database(f"sqlite:///{tmp_path / 'new' / 'db.sqlite3'}")})["default"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        values = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    connection.close()
    assert values == ["wal", 2, 20_000]
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_database_behind_a_socket_is_found():
    assert _database("postgres://me@%2Fvar%2Frun%2Fpg:5433/db")["HOST"] == "/var/run/pg"


def test_a_connection_is_kept_and_checked():
    settings = _database("postgres://me@db.example/name")
    assert (settings["CONN_MAX_AGE"], settings["CONN_HEALTH_CHECKS"]) == (60, True)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("SECRET_KEY", "", "make run"),
        ("PUBLIC_URL", "countersign.example", "https://"),
        ("LOG_FORMAT", "xml", "json"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(tmp_path: Path, name: str, value: str, word: str):
    environment = manage_environment("", tmp_path, **{name: value})
    with running_manage("check", environment=environment, log=tmp_path / "log") as check:
        assert check.wait() != 0
        assert word in check.output()
