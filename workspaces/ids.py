"""Identifiers: time-ordered UUIDs (RFC 9562, version 7), so that a primary key index stays compact as it grows."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7; sorts by creation time to the millisecond."""
    return uuid7()


def lowest_id(at: datetime) -> UUID:
    """The smallest id that could have been made at `at` (RFC 9562, section 5.7): the bound of a range of times."""
    return UUID(int=int(at.timestamp() * 1_000) << 80)
