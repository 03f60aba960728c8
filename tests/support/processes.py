"""Real processes for tests: started with an environment of their own, and ended with everything they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def wait_until(true: Callable[[], object], *, seconds: float = 120, what: str = "what was waited for") -> None:
    """Look every 20 ms until `true()` is; fails after `seconds`, which are long: the machine may be busy."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


class Running:
    """A process under test, in a session of its own."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                list(command), env=dict(environment), stdout=out, stderr=out, cwd=ROOT, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, *, seconds: float = 120) -> int:
        return self.process.wait(timeout=seconds)


def manage_environment(database_url: str, var_dir: Path, **more: str) -> dict[str, str]:
    """The environment of a `manage.py` command on that database, with everything it writes under `var_dir`."""
    names = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COUNTERSIGN_"))}
    return {
        **names,
        "DATABASE_URL": database_url,
        "VAR_DIR": str(var_dir),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "INFO",
        "SECRET_KEY": os.environ["SECRET_KEY"],
        **more,
    }


@contextmanager
def running(command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Iterator[Running]:
    """Start a command, and end it and everything it started when the block ends, however it ends."""
    process = Running(command, environment=environment, log=log)
    try:
        yield process
    finally:
        known = descendants(process.pid)
        if process.process.poll() is None:
            process.process.kill()
        for pid in known:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.process.wait()


@contextmanager
def running_manage(
    *words: str, environment: Mapping[str, str], log: Path, within: Sequence[str] = ()
) -> Iterator[Running]:
    """`running` for a command of manage.py. within: a command that runs another one somewhere else."""
    with running([*within, sys.executable, "manage.py", *words], environment=environment, log=log) as process:
        yield process


def descendants(pid: int) -> list[int]:
    """Every process that was started by `pid` or by one of those, running now, in the order of their ids."""
    listed = subprocess.run(["ps", "-Ao", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [(int(a), int(b)) for a, b, state in (line.split() for line in listed.splitlines()) if state[0] != "Z"]
    found = {pid}
    while True:
        more = {child for child, parent in rows if parent in found} - found
        if not more:
            return sorted(found - {pid})
        found |= more


def alive(pid: int) -> bool:
    """Whether a process of that id runs (a zombie does not)."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
