"""The digest of an entry, and the Merkle root and seal of a block (RFC 9162, section 2.1, on SHA-256)."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workspaces.canonical import canonical_json

GENESIS = "0" * 64


def entry_hash(
    *,
    id: UUID,
    workspace_id: UUID | None,
    at: datetime,
    action: str,
    actor_id: UUID,
    via: str,
    subject_type: str,
    subject_id: UUID | None,
    subjects: list[str],
    data: dict[str, Any],
    correlation: UUID,
    transaction: int,
) -> str:
    """SHA-256 (hex) over every other column, in one fixed form."""
    document = [
        str(id),
        str(workspace_id),
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        action,
        str(actor_id),
        via,
        subject_type,
        str(subject_id),
        subjects,
        data,
        str(correlation),
        transaction,
    ]
    return hashlib.sha256(canonical_json(document)).hexdigest()


def merkle_root(hashes: Sequence[str]) -> str:
    """The Merkle tree hash of `hashes` (hex): leaves are prefixed by 0x00, inner nodes by 0x01, as RFC 9162 has it.

    The prefixes keep an inner node from being passed off as a leaf.
    """
    level = [hashlib.sha256(b"\x00" + bytes.fromhex(h)).digest() for h in hashes]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0].hex()


def block_seal(
    *,
    chain: str,
    number: int,
    first_position: int,
    count: int,
    root: str,
    previous: str,
    sealed_at: datetime,
    horizon: int,
    database: str,
) -> str:
    """The digest a block is known by: over its place, its root, the seal of the block before and how far it looked."""
    at = sealed_at.astimezone(UTC).isoformat(timespec="microseconds")
    document = [chain, number, first_position, count, root, previous, at, horizon, database]
    return hashlib.sha256(canonical_json(document)).hexdigest()
