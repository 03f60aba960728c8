"""The checkpoint: one line a sealed block, in a file outside the database.

It is what a cut tail is told by: whoever can delete the last rows of a table cannot delete these lines as well,
provided the file is kept where the database's owner does not reach (ship it to another host, or a WORM bucket).
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from workspaces.models import AuditBlock, AuditEntry, Installation

RESUMED = "installation.resumed"  # the audit action that a new beginning stands under
_NEW_BEGINNING = '{"resumed"'
_TAIL = 65_536  # bytes read to find the last line; a line has less than 1,000


class Line(TypedDict):
    """One sealed block, as the checkpoint has it."""

    chain: str
    number: int
    first_position: int
    entries: int
    first_entry: str
    last_entry: str
    seal: str
    sealed_at: str


def append_checkpoint(blocks: Sequence[AuditBlock]) -> None:
    """Add a line for each block and force them to the disk."""
    _append([dict(_line(block)) for block in blocks])


def renew_checkpoint(*, entry_id: UUID) -> None:
    """Begin anew after a restore, under the audit entry of the person who resumed.

    What stands before no longer counts; what follows are the blocks that every chain ends with, and through them
    all before. Whoever writes such a line without the entry changes nothing.
    """
    heads = AuditBlock.objects.order_by().values("chain").annotate(number=Max("number"))
    blocks = [AuditBlock.objects.get(chain=head["chain"], number=head["number"]) for head in heads]
    _append([{"resumed": str(entry_id)}, *(dict(_line(block)) for block in blocks)])


def _append(records: Sequence[dict[str, Any]]) -> None:
    if not records:
        return
    path = Path(settings.AUDIT_CHECKPOINT)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record) + "\n" for record in records)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        if end and os.pread(descriptor, 1, end - 1) != b"\n":
            text = "\n" + text  # the line before was torn by a crash
        remaining = text.encode()
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def complete_checkpoint() -> int:
    """Add the blocks that a crash between commit and checkpoint left out. Returns how many.

    Where a person resumed after a restore and this file does not know yet (a crash, or another host), it begins anew.
    """
    here = Installation.objects.filter(restored_at=None).exclude(resumed_entry=None).first()
    if (
        here
        and here.resumed_entry
        and str(here.resumed_entry) not in {r["resumed"] for r in _records(only=_NEW_BEGINNING)}
    ):
        renew_checkpoint(entry_id=here.resumed_entry)
    heads: dict[str, int] = {}
    for line in read_checkpoint():
        heads[line["chain"]] = max(heads.get(line["chain"], 0), line["number"])
    chains = AuditBlock.objects.order_by().values_list("chain", flat=True).distinct()
    missing = [
        block
        for chain in chains
        for block in AuditBlock.objects.filter(chain=chain, number__gt=heads.get(chain, 0)).order_by("number")
    ]
    append_checkpoint(missing)
    return len(missing)


def read_checkpoint() -> Iterator[Line]:
    """The lines of the checkpoint that count, oldest first; none where there is no file yet.

    A line torn by a crash counts as not written: `complete_checkpoint` writes its block again. What a person gave up
    with a restore does not count either.
    """
    begun = 0  # the number of the beginning that counts
    for number, record in enumerate(_records(only=_NEW_BEGINNING), start=1):
        if AuditEntry.objects.filter(pk=record["resumed"], action=RESUMED).exists():
            begun = number
    for record in _records():
        if "resumed" in record:
            begun -= 1
        elif begun <= 0:
            yield record  # type: ignore[misc]


def last_line() -> Line | None:
    """The newest line, read from the end of the file; None where there is none since the last beginning."""
    path = Path(settings.AUDIT_CHECKPOINT)
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        for line in reversed(file.read().decode(errors="replace").splitlines(keepends=True)):
            if line.startswith("{") and line.endswith("}\n"):
                record = json.loads(line)
                return None if "resumed" in record else record
    return None


def _records(*, only: str = "{") -> Iterator[dict[str, Any]]:
    """Each whole record that begins with `only`. One at a time: in a year there are millions."""
    path = Path(settings.AUDIT_CHECKPOINT)
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(only) and line.endswith("}\n"):
                yield json.loads(line)


def _line(block: AuditBlock) -> Line:
    return {
        "chain": block.chain,
        "number": block.number,
        "first_position": block.first_position,
        "entries": len(block.entry_ids),
        "first_entry": block.entry_ids[0],
        "last_entry": block.entry_ids[-1],
        "seal": block.seal,
        "sealed_at": block.sealed_at.isoformat(),
    }
