"""Identifiers: time-ordered UUIDs (RFC 9562, version 7), so that a primary key index stays compact as it grows."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7; sorts by creation time to the millisecond."""
    return uuid7()
