"""Peers as processes of their own: installed once into var/peers, started, and asked for one round at a time."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
VENV = FOLDER.parents[1] / "var" / "peers"
PINS = ("django==5.2.19", "django-post_office==3.12.0", "psycopg[binary]==3.3.9", "celery[redis]==5.7.0")


class NoPeer(Exception):
    """A peer cannot be installed here; says why."""


def peers_python() -> str:
    """The Python of the peers' environment, made at first use. Raises NoPeer where the packages cannot be had."""
    python, done = VENV / "bin" / "python", VENV / "pins.txt"
    wanted = "\n".join(PINS)
    if done.exists() and done.read_text() == wanted:
        return str(python)
    for command in ([sys.executable, "-m", "venv", str(VENV)], [str(python), "-m", "pip", "install", "-q", *PINS]):
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise NoPeer(f"“{' '.join(command)}” failed: {ran.stderr.strip()[-300:]}")
    done.write_text(wanted)
    return str(python)


class Peer:
    """One running peer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def round(self) -> dict[str, Any]:
        """One round: `sent`, `seconds`, `cpu`. Raises RuntimeError where the peer ended."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args} ended without an answer; its error is above.")
        found: dict[str, Any] = json.loads(answer)
        return found


@contextmanager
def peer(*command: str | Sequence[str]) -> Iterator[Peer]:
    """A peer that waits for its rounds; it inherits the core we are pinned to."""
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Peer(process)
    finally:
        process.kill()
        process.communicate()
