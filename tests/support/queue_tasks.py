"""What queue workers run in tests: tasks that tell, in a file, that they began and ended."""

import os
import time
from pathlib import Path

from execution.engine import stopping


def _note(folder: str, line: str) -> None:
    with (Path(folder) / "tasks").open("a") as file:
        file.write(line + "\n")


def quick(folder: str, name: str) -> None:
    _note(folder, f"ended {name} {os.getpid()}")


def long(folder: str, name: str, seconds: float) -> None:
    """Runs for `seconds`, or until the process is asked to stop and then half a second more: what has begun ends."""
    _note(folder, f"began {name} {os.getpid()}")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not stopping.requested.is_set():
        time.sleep(0.02)
    time.sleep(0.5)
    _note(folder, f"ended {name} {os.getpid()}")
