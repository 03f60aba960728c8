"""The worker's own word of what it had begun, in a local file.

A line is written before each call and one after it. It is not synced: it survives the death of the process, which is
what it is for; after the death of the host its boot id tells that it cannot be trusted.
"""

import json
import logging
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

logger = logging.getLogger(__name__)


class Journal:
    """Append-only; one file a worker, shared by its lanes (an append of one short write is atomic on a local disk)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._is_cut = False

    def began(self, attempt_id: UUID) -> None:
        """Right before the call. Raises OSError where it cannot be written: then nothing may be called."""
        self._append(b"B %s\n" % str(attempt_id).encode())

    def ended(self, attempt_id: UUID, outcome: Mapping[str, Any]) -> None:
        """Right after it. Raises OSError where it cannot be written."""
        self._append(b"E %s %s\n" % (str(attempt_id).encode(), orjson.dumps(outcome)))

    def _append(self, line: bytes) -> None:
        # On a full disk a line can be cut; another lane's would then run into it and be lost with it.
        if self._is_cut or os.write(self._descriptor, line) != len(line):
            self._is_cut = True
            raise OSError(f"The journal {self.path} cannot be written: the disk may be full.")

    def remove(self) -> None:
        """Everything it speaks of is settled."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a dead worker's journal says: attempts begun, and the outcomes of those that ended."""

    begun: frozenset[UUID] = frozenset()
    ended: Mapping[UUID, dict[str, Any]] = field(default_factory=dict)


def journal_path(worker_id: UUID) -> Path:
    """Where a worker of this host keeps its journal."""
    return Path(settings.JOURNAL_DIR) / f"{worker_id}.journal"


def read_journal(*, path: str, host: str, boot_id: str) -> Account | None:
    """What a journal says; None where it cannot be trusted: another host's, another boot's, no file, or one with a line
    that makes no sense before its last.
    """
    if (host, boot_id) != (this_host(), this_boot()):
        return None
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    begun: set[UUID] = set()
    ended: dict[UUID, dict[str, Any]] = {}
    # What the last line meant to say is unknown if the death of the process cut it; then nothing came after it.
    for line in content.split(b"\n")[:-1]:
        word, _, rest = line.partition(b" ")
        attempt, _, outcome = rest.partition(b" ")
        try:
            if word == b"B":
                begun.add(UUID(attempt.decode()))
            elif word == b"E":
                ended[UUID(attempt.decode())] = json.loads(outcome)
            else:
                raise ValueError(word)
        except ValueError:
            logger.error("The journal %s has a line that makes no sense; nothing in it is believed.", path)
            return None
    return Account(begun=frozenset(begun), ended=ended)


def this_host() -> str:
    return platform.node()


def this_boot() -> str:
    """Changes with every start of the host. Without one (not Linux) the process table is as old as the host anyway."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "no boot id"
