"""The connections of a lane, kept from chunk to chunk, and at no account more at once than it allows.

To use an account a lane has a place there, one of `max_connections`, over all workers and hosts. A place is an advisory
lock of the lane's own database session: who dies, or loses its host, gives it back with the session, and nobody has to
recover it. SQLite knows no such lock and has one process, which counts for itself.
"""

import time
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from uuid import UUID

from django.db import Error, connection

from execution.engine.calling import connect
from execution.engine.facts import Facts
from execution.models import ProviderAccount
from execution.providers.base import Connection
from execution.sending import SenderIdentity

_IDLE = 5.0  # seconds after which a lane busy elsewhere leaves its place to others
_NEVER = float("-inf")

_taken_here: set[int] = set()  # on SQLite
_lock = Lock()


@dataclass(slots=True, kw_only=True)
class _Place:
    number: int  # from 0, below the account's max_connections
    used_at: float = _NEVER  # by the monotonic clock


class Connections:
    """Of one lane; all its calls come from the thread of the lane."""

    def __init__(self) -> None:
        self._places: dict[UUID, _Place] = {}
        self._kept: dict[tuple[UUID, SenderIdentity], tuple[UUID | None, Connection]] = {}

    def may_use(self, account: ProviderAccount) -> bool:
        """Whether this lane has a place at the account, or finds a free one."""
        place = self._places.get(account.id)
        if place is None:
            number = _take(account)
            if number is None:
                return False
            place = self._places[account.id] = _Place(number=number)
        elif place.number >= _allowed(account):
            # The account allows fewer than before. Closing takes a moment, and whoever marks keeps others waiting.
            place.used_at = _NEVER
            return False
        place.used_at = time.monotonic()
        return True

    def to(self, facts: Facts) -> Connection:
        """The connection through the account that was approved, opened by its first use."""
        row, identity = facts.row, facts.sender_now
        assert identity is not None
        known = self._kept.get((row.workspace_id, identity))
        if known is None:
            if row.account_id:
                self._close_those_of(row.account_id)  # of an account that was changed: it would be one too many
            known = self._kept[(row.workspace_id, identity)] = row.account_id, connect(facts)
        if row.account_id in self._places:
            self._places[row.account_id].used_at = time.monotonic()
        return known[1]

    def leave_idle(self) -> None:
        """Between two chunks: close what was not used for a while, so that others may."""
        now = time.monotonic()
        for account_id in [known for known, place in self._places.items() if now - place.used_at > _IDLE]:
            self._leave(account_id)

    def close(self) -> None:
        """Close all and give every place back."""
        for _, kept in self._kept.values():
            kept.close()
        self._kept.clear()
        try:
            for account_id in list(self._places):
                self._leave(account_id)
        except Error:
            connection.close()  # a session that cannot be asked gives its places back by ending

    def _leave(self, account_id: UUID) -> None:
        self._close_those_of(account_id)
        place = self._places.pop(account_id)
        _give_back(_key(account_id, place.number))

    def _close_those_of(self, account_id: UUID) -> None:
        for key in [key for key, (owner, _) in self._kept.items() if owner == account_id]:
            self._kept.pop(key)[1].close()


def _allowed(account: ProviderAccount) -> int:
    # 0 could be entered while nothing read it; what was approved there must not wait for ever.
    return max(1, account.max_connections)


def _take(account: ProviderAccount) -> int | None:
    keys = [_key(account.id, number) for number in range(_allowed(account))]
    if connection.vendor != "postgresql":
        with _lock:
            free = next((key for key in keys if key not in _taken_here), None)
            _taken_here.update([] if free is None else [free])
        return None if free is None else keys.index(free)
    with connection.cursor() as cursor:
        # Row by row, and no further than the first that is free.
        cursor.execute("SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock(key) LIMIT 1", [keys])
        row = cursor.fetchone()
    return None if row is None else keys.index(row[0])


def _give_back(key: int) -> None:
    if connection.vendor != "postgresql":
        with _lock:
            _taken_here.discard(key)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _key(account_id: UUID, number: int) -> int:
    """64 bits, so that two places share one by no more than a freak; then they would only wait for each other."""
    found = sha256(account_id.bytes + number.to_bytes(4)).digest()
    return int.from_bytes(found[:8], signed=True)
