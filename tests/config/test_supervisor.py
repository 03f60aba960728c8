"""The supervisor with real processes: what dies or falls silent starts anew, and nothing is ever left behind."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from config.supervisor.lifeline import ORPHAN_GRACE_SECONDS
from tests.support.processes import Running, alive, running, wait_until

Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor over children of these modes (see tests.support.supervised), once each has started."""
    with ExitStack() as stack:

        def start_modes(*modes: str) -> Running:
            command = [sys.executable, "-m", "tests.support.supervised", str(tmp_path), *modes]
            process = stack.enter_context(running(command, environment=os.environ, log=tmp_path / "log"))
            for mode in modes:
                wait_until(partial(pids, tmp_path, mode), what=f"the start of {mode}")
            return process

        yield start_modes


def pids(folder: Path, name: str) -> list[int]:
    """The ids of the processes that have written under that name, oldest first."""
    path = folder / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_a_killed_child_starts_anew(start: Start, tmp_path: Path):
    start("steady")
    os.kill(pids(tmp_path, "steady")[0], signal.SIGKILL)
    wait_until(lambda: len(pids(tmp_path, "steady")) == 2, what="the second start")


def test_a_child_that_falls_silent_is_replaced(start: Start, tmp_path: Path):
    start("silent")
    first = pids(tmp_path, "silent")[0]
    wait_until(lambda: len(pids(tmp_path, "silent")) == 2, what="the second start")
    wait_until(lambda: not alive(first), what="the end of the silent one")


def test_a_stopped_child_is_replaced(start: Start, tmp_path: Path):
    start("steady")
    os.kill(pids(tmp_path, "steady")[0], signal.SIGSTOP)
    wait_until(lambda: len(pids(tmp_path, "steady")) == 2, what="the second start")


def test_what_a_killed_child_had_started_ends_with_it(start: Start, tmp_path: Path):
    start("parent")
    wait_until(lambda: pids(tmp_path, "grandchild"))
    os.kill(pids(tmp_path, "parent")[0], signal.SIGKILL)
    wait_until(lambda: not alive(pids(tmp_path, "grandchild")[0]), what="the grandchild's end")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process(start: Start, tmp_path: Path, number: int):
    supervisor = start("steady", "parent")
    wait_until(lambda: pids(tmp_path, "grandchild"))
    supervisor.signal(number)
    assert supervisor.wait() == 0
    assert not any(alive(pids(tmp_path, name)[0]) for name in ("steady", "parent", "grandchild"))


def test_a_stop_lets_a_child_finish(start: Start, tmp_path: Path):
    supervisor = start("finishing")
    supervisor.signal(signal.SIGTERM)
    supervisor.wait()
    assert pids(tmp_path, "finished")


def test_a_signal_that_comes_twice_at_once_still_lets_a_child_finish(start: Start, tmp_path: Path):
    supervisor = start("finishing")
    supervisor.signal(signal.SIGTERM)
    wait_until(lambda: "Stopping" in supervisor.output())
    supervisor.signal(signal.SIGTERM)
    supervisor.wait()
    assert pids(tmp_path, "finished")


def test_a_child_that_ignores_the_stop_is_killed_when_its_time_is_up(start: Start, tmp_path: Path):
    supervisor = start("stubborn")
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait() == 0
    assert not alive(pids(tmp_path, "stubborn")[0])


def test_a_killed_supervisor_leaves_nothing_behind(start: Start, tmp_path: Path):
    supervisor = start("steady", "parent")
    wait_until(lambda: pids(tmp_path, "grandchild"))
    supervisor.signal(signal.SIGKILL)
    names = ("steady", "parent", "grandchild")
    wait_until(lambda: not any(alive(pids(tmp_path, name)[0]) for name in names), what="the end of all")


@pytest.mark.slow
def test_a_killed_supervisor_leaves_not_even_a_child_that_ignores_signals(start: Start, tmp_path: Path):
    supervisor = start("stubborn")
    supervisor.signal(signal.SIGKILL)
    wait_until(lambda: not alive(pids(tmp_path, "stubborn")[0]), seconds=ORPHAN_GRACE_SECONDS + 5)
