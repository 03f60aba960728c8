"""One byte form for a JSON value, so that a digest means the same thing in every process (after RFC 8785)."""

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical_json(value: Any) -> bytes:
    """`value` as UTF-8 JSON with sorted keys and no spaces.

    Raises ValueError for NaN or infinity and TypeError for what JSON cannot hold. Text is kept as it is:
    two spellings of one glyph are two documents, because a mail server would see two as well.
    """
    return _encode(value).encode()


def sha256_hex(content: bytes) -> str:
    """SHA-256 of `content` in lower-case hexadecimal (64 characters)."""
    return hashlib.sha256(content).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical form of `value`."""
    return sha256_hex(canonical_json(value))
