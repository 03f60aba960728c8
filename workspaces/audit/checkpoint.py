"""The checkpoint: one line a sealed block, in a file outside the database.

It is what a cut tail is told by: whoever can delete the last rows of a table cannot delete these lines as well,
provided the file is kept where the database's owner does not reach (ship it to another host, or a WORM bucket).
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from django.conf import settings

from workspaces.models import AuditBlock


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
    if not blocks:
        return
    path = Path(settings.AUDIT_CHECKPOINT)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(_line(block)) + "\n" for block in blocks)
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
    """Add the blocks that a crash between commit and checkpoint left out. Returns how many."""
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
    """The lines of the checkpoint, oldest first; none where there is no file yet.

    A line torn by a crash counts as not written: `complete_checkpoint` writes its block again.
    """
    path = Path(settings.AUDIT_CHECKPOINT)
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("{") and line.endswith("}\n"):
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
