"""What a demo makes for itself under VAR_DIR: its keys, and the port of its mail catcher."""

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet

KEY_FILES: dict[str, tuple[str, Callable[[], str]]] = {
    "SECRET_KEY": ("secret_key", lambda: secrets.token_urlsafe(64)),
    "CREDENTIALS_KEY": ("credentials_key", lambda: Fernet.generate_key().decode()),
    "CRON_SECRET": ("cron_secret", lambda: secrets.token_urlsafe(32)),
}


def _write_once(path: Path, text: str) -> None:
    """Write a file that only we may read, unless there is one. It is complete as soon as it is there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(descriptor)
    try:
        os.link(part, path)  # fails, and keeps the other's, where another process was faster
    except FileExistsError:
        pass
    finally:
        part.unlink()


def read_key(var_dir: Path, name: str) -> str:
    """The key kept under `var_dir` for the setting `name`; "" if none was made."""
    path = var_dir / "keys" / KEY_FILES[name][0]
    return path.read_text().strip() if path.is_file() else ""


def make_keys(var_dir: Path, *, names: set[str]) -> None:
    """Make the keys of these settings that are not there yet. A key once made is kept: it opens what it closed."""
    for name in names:
        file, make = KEY_FILES[name]
        _write_once(var_dir / "keys" / file, make())


def catcher_port(var_dir: Path) -> int:
    """The port of the demo's mail catcher: chosen once, since the account it stands for is under the seal."""
    path = var_dir / "mail-catcher-port"
    if not path.is_file():
        _write_once(path, str(free_port()))
    return int(path.read_text())


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on. Raises OSError where none of many tried is free."""
    # Below the range from which the kernel takes ports for outgoing connections, so that it is free again tomorrow.
    for _ in range(200):
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError("Found no free port between 20000 and 29999 for the mail catcher; set MAIL_CATCHER_PORT.")
