"""The demo that is running in this folder: what it was started with, for commands in other shells.

`manage.py up` keeps the file locked as long as it lives, so a file that a demo left is never believed.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path


class AlreadyRunning(Exception):
    """Another `manage.py up` runs in this folder."""


def _file(var_dir: Path) -> Path:
    return var_dir / "running.json"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def announce(var_dir: Path, *, environment: Mapping[str, str]) -> int:
    """Let other commands of this folder act with `environment` (names to values) as long as this process lives.

    Returns the descriptor that holds the lock. Raises AlreadyRunning if another process announces for the folder.
    """
    path = _file(var_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + 2  # a command that looks here holds the lock for a moment
    while not _lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise AlreadyRunning(f"Countersign already runs from {var_dir}. Stop it, or set another VAR_DIR.")
        time.sleep(0.02)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps(dict(environment)).encode())
    return descriptor


def settings_of_running_demo(var_dir: Path, *, own_database: str) -> dict[str, str]:
    """What the running demo was started with; nothing if none runs, or if the caller names another database."""
    try:
        with _file(var_dir).open("rb") as file:
            if _lock(file.fileno()):
                return {}
            environment: dict[str, str] = json.loads(file.read() or b"{}")
    except (FileNotFoundError, PermissionError):
        return {}
    if own_database and own_database != environment.get("DATABASE_URL", ""):
        return {}
    return environment
