"""A supervisor over small children, for tests: `python -m tests.support.supervised FOLDER MODE...`.

Each mode is one child, which writes its process id to FOLDER/MODE whenever it starts.
"""

import logging
import os
import signal
import sys
import time
from pathlib import Path

from config.supervisor import lifeline
from config.supervisor.process import Program
from config.supervisor.supervisor import Supervisor


def _note(folder: Path, name: str) -> None:
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")


def _finish(folder: Path) -> None:
    time.sleep(1)
    _note(folder, "finished")
    sys.exit(0)


def _child(folder: Path, mode: str) -> None:
    """steady: beats. silent: beats for a moment only. stubborn: ignores SIGTERM. parent: has a child of its own."""
    lifeline.watch()
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "parent" and os.fork() == 0:
        lifeline.watch()
        mode = "grandchild"
    if mode == "finishing":
        signal.signal(signal.SIGTERM, lambda *_: _finish(folder))
    _note(folder, mode)
    started = time.monotonic()
    while True:
        if mode != "silent" or time.monotonic() - started < 0.5:
            lifeline.beat()
        time.sleep(0.05)


def _program(folder: Path, mode: str) -> Program:
    command = [sys.executable, "-m", "tests.support.supervised", "--child", str(folder), mode]
    return Program(name=mode, command=command, beat_seconds=2)


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        _child(Path(sys.argv[2]), sys.argv[3])
    folder = Path(sys.argv[1])
    supervisor = Supervisor(
        programs=[_program(folder, mode) for mode in sys.argv[2:]], grace_seconds=5, environment=os.environ
    )
    logging.basicConfig(level=logging.INFO)
    sys.exit(supervisor.run())
