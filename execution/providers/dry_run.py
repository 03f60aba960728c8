"""The dry run: what would have been done, as one JSON object a line, and nothing else. No credential is looked at."""

import json
import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunEntry:
    """One act that was not performed; its fields are the keys of the line.

    at: when, aware. workspace: its slug or id. plan: None for a single request. to: everyone it would reach.
    payload_digest: SHA-256 of the frozen document. would_send: whether every check passed.
    checks: as in the preflight, `{"name", "ok", "detail"}` each.
    """

    at: datetime
    workspace: str
    request: str
    plan: str | None
    channel: str
    provider: str
    to: Sequence[str]
    payload_digest: str
    summary: str
    would_send: bool
    checks: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def record(entries: Iterable[DryRunEntry], *, path: str | os.PathLike[str]) -> None:
    """Append `entries` to the file at `path`, and say so in the application's log, there without addresses or words.

    All lines go out in one write to a file opened for appending, so that lines of several processes never mix. The
    file is made readable by its owner alone, since it names people. Raises OSError where it cannot be written.
    """
    entries = list(entries)
    lines = b"".join(_line(entry) for entry in entries)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        written = os.write(descriptor, lines)
        if written != len(lines):
            raise OSError(f"Only {written} of {len(lines)} bytes went into {target}: the disk may be full.")
    finally:
        os.close(descriptor)
    for entry in entries:
        logger.info(
            "[DRY RUN] %s request=%s provider=%s recipients=%d would_send=%s",
            entry.channel,
            entry.request,
            entry.provider or "none",
            len(entry.to),
            str(entry.would_send).lower(),
        )


def forget(*, request_ids: Collection[str], path: str | os.PathLike[str]) -> int:
    """Blank the addresses and the summary in the lines about `request_ids`, and return how many lines that were.

    Each line keeps its length and is overwritten in place, so that processes that append meanwhile lose nothing.
    """
    target, blanked = Path(path), 0
    if not target.exists():
        return 0
    wanted = {request_id.encode() for request_id in request_ids}
    with target.open("r+b") as file:
        start = 0
        for line in iter(file.readline, b""):
            # What a person wrote cannot hold this word: its quotes are escaped there.
            if line.partition(b'"request":"')[2].partition(b'"')[0] in wanted:
                values = json.loads(line) | {"to": [], "summary": ""}
                file.seek(start)
                file.write(_as_line(values)[:-1].ljust(len(line) - 1) + b"\n")
                blanked += 1
            start += len(line)
    return blanked


def _line(entry: DryRunEntry) -> bytes:
    values = asdict(entry) | {"at": entry.at.isoformat(), "to": list(entry.to), "checks": list(entry.checks)}
    return _as_line(values)


def _as_line(values: Mapping[str, Any]) -> bytes:
    # ASCII, because some readers also end a line at U+2028.
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"
