"""Sealing: gives audit entries gap-free positions and chains a Merkle root per block.

One sealer at a time is elected by an advisory lock (SQLite: its single writer). It takes only entries of
transactions below the oldest one still running, so no entry can appear later in front of what it sealed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from uuid import UUID

from django.db import connection, transaction
from django.db.models import BigIntegerField, Func, Max, Min, Q

from workspaces.audit.checkpoint import append_checkpoint
from workspaces.audit.hashing import GENESIS, block_seal, merkle_root
from workspaces.clock import database_now
from workspaces.identity import database_identity
from workspaces.models import AuditBlock, AuditEntry
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces

INSTALLATION = "installation"
BLOCK_SIZE = 1_000  # entries in a block at most, so that verification reads them in one go
_ELECTION = 0x5EA1  # the advisory lock's key
_CLOCKS_APART = timedelta(minutes=10)  # how far the clocks of two hosts are believed to be apart at most


def chain_of(workspace_id: UUID | None) -> str:
    """The chain an entry belongs to: its workspace's, or the installation's."""
    return str(workspace_id) if workspace_id else INSTALLATION


class Sealer:
    """Seals again and again. While nothing new is there it asks one statement, for this comes every second."""

    def __init__(self) -> None:
        self._asked: object = None  # the connection on which it sealed last: another one may be to another database
        self._complete_below = 0

    def seal(self) -> int:
        """Seal what is complete, then write the checkpoint outside the database. Returns the number of entries sealed.

        Does nothing while another sealer is at work.
        """
        connection.ensure_connection()
        if self._asked is connection.connection and not _newer(self._complete_below):
            return 0
        with transaction.atomic():
            if not _elected():
                return 0
            horizon, database = _horizon(), database_identity()
            entries = _unsealed(horizon=horizon, database=database)
            by_chain: dict[str, list[AuditEntry]] = defaultdict(list)
            for entry in entries:
                by_chain[chain_of(entry.workspace_id)].append(entry)
            blocks = [
                block
                for chain, members in by_chain.items()
                for block in _blocks(chain=chain, entries=members, horizon=horizon, database=database)
            ]
            AuditBlock.objects.bulk_create(blocks)
        # After the commit, or the file could vouch for a block that never came to be. What a crash leaves out here
        # is added at the next start (checkpoint.complete_checkpoint).
        append_checkpoint(blocks)
        self._asked, self._complete_below = connection.connection, horizon
        return len(entries)


def seal_once() -> int:
    """`Sealer.seal`, by one that has not sealed before."""
    return Sealer().seal()


def seal_of(block: AuditBlock) -> str:
    """The seal that a block must have, recomputed from what it holds."""
    return block_seal(
        chain=block.chain,
        number=block.number,
        first_position=block.first_position,
        count=len(block.entry_ids),
        root=merkle_root(block.entry_hashes),
        previous=block.previous,
        sealed_at=block.sealed_at,
        horizon=block.horizon,
        database=block.database,
    )


_NEWER = Prepared(
    lambda transaction: (
        AuditEntry.objects.filter(transaction__gte=transaction).order_by("transaction").values_list("pk", flat=True)[:1]
    ),
    transaction=int,
)


def _newer(horizon: int) -> bool:
    """Whether there is an entry of a transaction that had not ended, or not begun, when all below was sealed."""
    with all_workspaces("every chain is sealed"):
        return bool(_NEWER.rows(transaction=horizon))


def _elected() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ELECTION])
        return bool(cursor.fetchone()[0])


# Ids are given out over all databases of a server, and a snapshot names what runs in any of them. What holds the lock
# of its id from another database cannot write here; whatever is not known to be there counts as ours.
_OLDEST_RUNNING = """
    SELECT COALESCE(MIN(running), MIN(pg_snapshot_xmax(snapshot)::text::bigint))
    FROM (SELECT pg_current_snapshot() AS snapshot) AS now
    LEFT JOIN LATERAL (
        SELECT xip::text::bigint AS running FROM pg_snapshot_xip(snapshot) AS xip
    ) AS listed ON NOT EXISTS (
        SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted
            AND transactionid::text::bigint = running % 4294967296
            AND datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""


def _horizon() -> int:
    """The oldest transaction still running: what is below it is complete."""
    sql = (
        _OLDEST_RUNNING
        if connection.vendor == "postgresql"
        else 'SELECT COALESCE(MAX("transaction"), 0) + 1 FROM workspaces_auditentry'
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


class _FirstNotBegun(Func):
    """The first transaction id that the query's own snapshot has not seen; PostgreSQL only."""

    template = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    output_field = BigIntegerField()


def _unsealed(*, horizon: int, database: str) -> list[AuditEntry]:
    entries = AuditEntry.objects.order_by("transaction", "id").only("id", "workspace_id", "at", "hash")
    own = AuditBlock.objects.filter(database=database).aggregate(horizon=Max("horizon"), since=Min("sealed_at"))
    if own["horizon"] is None:
        complete = Q(transaction__lt=horizon)
        if connection.vendor == "postgresql":
            # In a restored database entries of the old one stand beside ours, with ids that may lie in our future.
            # Those are complete: no row of ours is seen before its transaction has begun.
            complete |= Q(transaction__gte=_FirstNotBegun())
        return _without_sealed(entries.filter(complete).iterator(chunk_size=2_000))
    new = list(entries.filter(transaction__gte=own["horizon"], transaction__lt=horizon))
    # Our transaction ids may reach those of the old database one day; what was sealed by then is not sealed again.
    inherited = any(entry.at < own["since"] + _CLOCKS_APART for entry in new)
    if inherited and AuditBlock.objects.exclude(database=database).exists():
        return _without_sealed(new)
    return new


def _without_sealed(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    blocks = AuditBlock.objects.values_list("entry_ids", flat=True).iterator(chunk_size=200)
    known = {UUID(entry_id).bytes for entry_ids in blocks for entry_id in entry_ids}
    return [entry for entry in entries if entry.id.bytes not in known]


def _blocks(*, chain: str, entries: list[AuditEntry], horizon: int, database: str) -> Iterator[AuditBlock]:
    before = AuditBlock.objects.filter(chain=chain).order_by("-number").first()
    now, remaining = database_now(), iter(entries)
    while part := list(islice(remaining, BLOCK_SIZE)):
        block = AuditBlock(
            chain=chain,
            number=before.number + 1 if before else 1,
            first_position=before.first_position + len(before.entry_ids) if before else 1,
            entry_ids=[str(entry.id) for entry in part],
            entry_hashes=[entry.hash for entry in part],
            root=merkle_root([entry.hash for entry in part]),
            previous=before.seal if before else GENESIS,
            sealed_at=now,
            horizon=horizon,
            database=database,
        )
        block.seal = seal_of(block)
        yield block
        before = block
