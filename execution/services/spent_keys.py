"""Idempotency-Keys whose requests retention cleared: spent for good, so that nothing is sent twice under one."""

from collections.abc import Iterable

from execution.models import SpentKey
from workspaces.bulk import insert_objects
from workspaces.canonical import sha256_hex
from workspaces.clock import database_now
from workspaces.errors import Conflict
from workspaces.models import Workspace


def spend(*, workspace: Workspace, keys: Iterable[str]) -> None:
    """Remember keys, as hashes, in the transaction that deletes their requests. Inside the scope."""
    now = database_now()
    insert_objects(
        (SpentKey(workspace=workspace, key_hash=_hash(key), spent_at=now) for key in keys), ignore_conflicts=True
    )


def refuse_spent(*, workspace: Workspace, keys: Iterable[str | None]) -> None:
    """Raise Conflict where one of these keys was used by a request that is cleared. Inside the scope.

    Asked after the look for the request itself: the same commit deletes that one and makes its key spent.
    """
    hashes = [_hash(key) for key in keys if key]
    if hashes and SpentKey.objects.filter(workspace=workspace, key_hash__among=hashes).exists():
        raise Conflict(
            "This Idempotency-Key was used before, by a request that retention has cleared. "
            "Use a new key if it is to be done again.",
            fields={"idempotency_key": "Used by a request that is cleared."},
        )


def _hash(key: str) -> str:
    return sha256_hex(key.encode())
