"""The ground the other tests stand on."""

import os
import socket
import subprocess
import sys
import threading

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from tests.support.network import OutsideConnection


@pytest.mark.django_db
def test_it_runs_on_postgresql():
    assert connection.vendor == "postgresql"


def test_it_refuses_a_connection_to_another_host():
    with socket.socket() as sock, pytest.raises(OutsideConnection):
        sock.connect(("192.0.2.1", 80))


def test_it_refuses_to_look_another_host_up():
    with pytest.raises(OutsideConnection):
        socket.getaddrinfo("countersign.example", 443)


def test_it_lets_a_test_reach_this_machine():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_another_process_sees_what_a_live_test_commits(live_db):
    ContentType.objects.create(app_label="tests", model="seen_from_outside")
    with psycopg.connect(live_db) as other:
        row = other.execute("SELECT 1 FROM django_content_type WHERE model = 'seen_from_outside'").fetchone()
    assert row == (1,)


def test_a_live_database_starts_without_what_another_test_left(live_db):
    assert not ContentType.objects.filter(app_label="tests").exists()


def test_threads_of_a_live_test_work_in_its_database(live_db):
    names = []

    def look() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            names.append(cursor.fetchone()[0])
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert names == [live_db.rsplit("/", 1)[1]]


def test_a_race_on_sqlite_fails(tmp_path):
    test = tmp_path / "test_race.py"
    test.write_text("import pytest\n\n@pytest.mark.race\ndef test_nothing():\n    pass\n")
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    script = (
        "import sys, pytest\n"
        "import tests.support.environment as e\n"
        "e._start_session = lambda: e.os.environ.update(FOLDER_OF_TESTS=sys.argv[2], TEST_DATABASE_URL='sqlite:///:memory:')\n"
        "sys.exit(pytest.main(['-p', 'no:cacheprovider', sys.argv[1]]))\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    done = subprocess.run(
        [sys.executable, "-c", script, str(test), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert "proves nothing" in done.stdout, done.stdout + done.stderr
