"""The demo's mail catcher: a mailbox for everything, in a folder, one file a message.

`manage.py mail_catcher` receives; a page of the console shows. A message is on the disk before its sender is told so.
"""

import os
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings

_NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}\.eml")
_FROM = b"X-Caught-From: "
_TO = b"X-Caught-To: "


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtMessage:
    """One message as it was received. `name` orders by time; `content` is what followed DATA, byte for byte."""

    name: str
    received_at: datetime
    envelope_from: str
    envelope_to: Sequence[str]
    content: bytes

    def parsed(self) -> EmailMessage:
        """Headers and bodies by the standard library's parser; whatever was sent, it does not raise."""
        return BytesParser(policy=policy.default).parsebytes(self.content)


def _folder() -> Path:
    return Path(settings.MAIL_CATCHER_DIR)


def store_message(*, envelope_from: str, envelope_to: Sequence[str], content: bytes) -> str:
    """Write a message to the disk, durably, and return its name."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.eml"
    head = _FROM + envelope_from.encode() + b"\r\n" + _TO + ", ".join(envelope_to).encode() + b"\r\n"
    hidden = folder / f".{name}"
    with hidden.open("wb") as file:
        file.write(head + content)
        file.flush()
        os.fsync(file.fileno())
    hidden.rename(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # the name as well
    finally:
        os.close(descriptor)
    return name


def list_messages(*, limit: int = 50, before: str | None = None) -> list[CaughtMessage]:
    """The newest messages first, at most `limit`; with `before`, those older than the message of that name."""
    folder = _folder()
    if not folder.is_dir():
        return []
    names = sorted((name for name in os.listdir(folder) if _NAME.fullmatch(name)), reverse=True)
    wanted = [name for name in names if before is None or name < before]
    return [_read(folder / name) for name in wanted[:limit]]


def read_message(name: str) -> CaughtMessage | None:
    """The message of that name; None where there is none, or where the name is none that the catcher gives."""
    path = _folder() / name
    return _read(path) if _NAME.fullmatch(name) and path.is_file() else None


def _read(path: Path) -> CaughtMessage:
    sender, recipients, content = path.read_bytes().split(b"\r\n", 2)
    nanoseconds = int(path.name.partition("-")[0])
    return CaughtMessage(
        name=path.name,
        received_at=datetime.fromtimestamp(nanoseconds / 1e9, UTC),
        envelope_from=sender.removeprefix(_FROM).decode(),
        envelope_to=recipients.removeprefix(_TO).decode().split(", "),
        content=content,
    )
