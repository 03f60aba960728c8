"""A command in a second shell acts in the demo that runs in the same folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.running import AlreadyRunning, announce, settings_of_running_demo
from tests.support.processes import ROOT, wait_until

ENVIRONMENT = {"DEMO": "true", "DATABASE_URL": "postgres://db/one"}


@contextmanager
def announced(folder: Path) -> Iterator[None]:
    lock = announce(folder, environment=ENVIRONMENT)
    try:
        yield
    finally:
        os.close(lock)


def test_it_tells_what_the_running_demo_was_started_with(tmp_path: Path):
    with announced(tmp_path):
        assert settings_of_running_demo(tmp_path, own_database="") == ENVIRONMENT


def test_it_tells_nothing_to_a_command_for_another_database(tmp_path: Path):
    with announced(tmp_path):
        assert settings_of_running_demo(tmp_path, own_database="postgres://db/production") == {}


def test_it_tells_nothing_once_the_demo_has_ended(tmp_path: Path):
    with announced(tmp_path):
        pass
    assert settings_of_running_demo(tmp_path, own_database="") == {}


def test_it_tells_nothing_where_none_ever_ran(tmp_path: Path):
    assert settings_of_running_demo(tmp_path / "nowhere", own_database="") == {}


def test_it_tells_nothing_of_a_demo_that_was_killed(tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path; from config.running import announce\n"
        "lock = announce(Path(sys.argv[1]), environment={'DEMO': 'true'}); time.sleep(60)\n"
    )
    demo = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    try:
        wait_until(lambda: settings_of_running_demo(tmp_path, own_database=""))
    finally:
        os.kill(demo.pid, signal.SIGKILL)
        demo.wait()
    assert settings_of_running_demo(tmp_path, own_database="") == {}


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path):
    with (
        announced(tmp_path),
        pytest.raises(AlreadyRunning, match="VAR_DIR"),
        announced(tmp_path),
    ):
        pass
