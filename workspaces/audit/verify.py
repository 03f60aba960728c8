"""Verification: recompute every hash, root and seal, and hold the blocks against the checkpoint."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max

from workspaces.audit.checkpoint import Line, read_checkpoint
from workspaces.audit.hashing import GENESIS, entry_hash, merkle_root
from workspaces.audit.sealer import INSTALLATION, chain_of, seal_of
from workspaces.models import AuditBlock, AuditEntry

_COLUMNS = (
    "id",
    "workspace_id",
    "at",
    "action",
    "actor_id",
    "via",
    "subject_type",
    "subject_id",
    "subjects",
    "data",
    "correlation",
    "transaction",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """The first entry that does not stand as it was written."""

    chain: str
    position: int | None
    entry_id: str
    problem: str

    def __str__(self) -> str:
        place = f"position {self.position}" if self.position else "not sealed"
        return f"entry {self.entry_id} ({place} of chain {self.chain}): {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at, and the first fault (None where everything holds)."""

    entries: int
    blocks: int
    bad: BadEntry | None


def verify_newest(*, workspace_ids: Sequence[UUID | None], blocks: int) -> dict[UUID | None, BadEntry]:
    """The first fault in the newest blocks of each of these chains (None: the installation's) and in what follows them;
    chains that stand are left out.

    Cheap enough to be done again and again: what was verified before is taken as it stands, and the checkpoint is read
    once for all.
    """
    horizon = AuditBlock.objects.aggregate(horizon=Max("horizon"))["horizon"] or 0
    lines = _newest_lines({chain_of(workspace_id) for workspace_id in workspace_ids}, keep=2 * blocks)
    faults = {}
    for workspace_id in workspace_ids:
        chain = chain_of(workspace_id)
        check = _ChainCheck(chain=chain, lines=lines[chain])
        rows = AuditBlock.objects.filter(chain=chain)
        newest = rows.aggregate(number=Max("number"))["number"] or 0
        # Where the block before them is gone the pass begins at the first, and comes to where it should be.
        before = rows.filter(number=newest - blocks).first()
        if before is not None:
            check.begin_after(before)
        bad = check.newest_fault(horizon=horizon)
        if bad:
            faults[workspace_id] = bad
    return faults


def _newest_lines(chains: Collection[str], *, keep: int) -> dict[str, dict[int, Line]]:
    """At least the last `keep` lines of each chain; of two lines for one block the first counts."""
    lines: dict[str, dict[int, Line]] = {chain: {} for chain in chains}
    for line in read_checkpoint():
        of_chain = lines.get(line["chain"])
        if of_chain is None:
            continue
        of_chain.setdefault(line["number"], line)
        if len(of_chain) > 2 * keep:
            for number in sorted(of_chain)[:-keep]:
                del of_chain[number]
    return lines


def verify(*, workspace_id: UUID | None = None) -> Verified:
    """Check one workspace's chain, or every chain where `workspace_id` is None."""
    # Read first: whatever is older than this stands in a block by now, even while a sealer goes on.
    horizon = AuditBlock.objects.aggregate(horizon=Max("horizon"))["horizon"] or 0
    lines: dict[str, dict[int, Line]] = {}
    for line in read_checkpoint():
        # Of two lines for one block the first counts: the second is of a block made anew.
        lines.setdefault(line["chain"], {}).setdefault(line["number"], line)
    entries = blocks = 0
    for chain in [chain_of(workspace_id)] if workspace_id else _chains(lines):
        check = _ChainCheck(chain=chain, lines=lines.get(chain, {}))
        bad = check.first_fault(horizon=horizon)
        entries, blocks = entries + check.entries, blocks + check.blocks
        if bad:
            return Verified(entries=entries, blocks=blocks, bad=bad)
    return Verified(entries=entries, blocks=blocks, bad=None)


def _chains(lines: dict[str, dict[int, Line]]) -> list[str]:
    sealed = AuditBlock.objects.order_by().values_list("chain", flat=True).distinct()
    recorded = AuditEntry.objects.order_by().values_list("workspace_id", flat=True).distinct()
    return sorted({*sealed, *lines, *(chain_of(workspace_id) for workspace_id in recorded)})


class _ChainCheck:
    """One pass over a chain, oldest block first; counts what it looked at."""

    def __init__(self, *, chain: str, lines: dict[int, Line]) -> None:
        self.chain = chain
        self.lines = lines
        installation = AuditEntry.objects.filter(workspace=None)
        self._rows = installation if chain == INSTALLATION else AuditEntry.objects.filter(workspace_id=UUID(chain))
        self.entries = self.blocks = 0
        self.databases: set[str] = set()
        self.position = 1  # of the next entry
        self.previous = GENESIS

    def begin_after(self, block: AuditBlock) -> None:
        """Take everything up to this block as it stands."""
        self.blocks, self.previous = block.number, block.seal
        self.position = block.first_position + len(block.entry_ids)

    def newest_fault(self, *, horizon: int) -> BadEntry | None:
        """As `first_fault`, from where the pass begins; what was slipped in behind a seal takes a whole pass."""
        rows = AuditBlock.objects.filter(chain=self.chain, number__gt=self.blocks).order_by("number")
        for block in rows.iterator(chunk_size=100):
            bad = self._check_place(block) or self._check_entries(block) or self._check_seal(block)
            if bad:
                return bad
        return self._check_tail() or self._check_unsealed(horizon=horizon)

    def first_fault(self, *, horizon: int) -> BadEntry | None:
        """The first entry that is altered, missing, out of order or slipped in; None where all is well."""
        sealed_below = 0
        for block in AuditBlock.objects.filter(chain=self.chain).order_by("number").iterator(chunk_size=100):
            bad = self._check_place(block) or self._check_entries(block) or self._check_seal(block)
            if bad:
                return bad
            if block.horizon <= horizon:
                sealed_below += len(block.entry_ids)
        return (
            self._check_tail()
            or self._check_slipped_in(horizon=horizon, sealed=sealed_below)
            or self._check_unsealed(horizon=horizon)
        )

    def _bad(self, problem: str, *, entry_id: str, position: int | None) -> BadEntry:
        return BadEntry(chain=self.chain, position=position, entry_id=entry_id, problem=problem)

    def _check_place(self, block: AuditBlock) -> BadEntry | None:
        number = self.blocks + 1
        if block.number > number and (line := self.lines.get(number)):
            return self._bad("its block was deleted", entry_id=line["first_entry"], position=line["first_position"])
        if (block.number, block.first_position, block.previous) != (number, self.position, self.previous):
            first = block.entry_ids[0] if block.entry_ids else "unknown"
            return self._bad(
                "the block before its own is missing or was replaced", entry_id=first, position=self.position
            )
        return None

    def _check_entries(self, block: AuditBlock) -> BadEntry | None:
        rows = {str(row.id): row for row in AuditEntry.objects.filter(id__in=block.entry_ids)}
        for index, entry_id in enumerate(block.entry_ids):
            row = rows.get(entry_id)
            if row is None or _hash_of(row) != row.hash:
                problem = "it was altered" if row else "it was deleted"
                return self._bad(problem, entry_id=entry_id, position=self.position + index)
        # Within a block entries stand in this order, so the first one displaced can be named.
        in_order = sorted(rows.values(), key=lambda row: (row.transaction, row.id))
        for index, entry_id in enumerate(block.entry_ids):
            row, position = rows[entry_id], self.position + index
            if in_order[index : index + 1] != [row]:
                return self._bad("it was moved from its place", entry_id=entry_id, position=position)
            if block.entry_hashes[index : index + 1] != [row.hash]:
                return self._bad("it was replaced after it was sealed", entry_id=entry_id, position=position)
        return None

    def _check_seal(self, block: AuditBlock) -> BadEntry | None:
        same_length = len(block.entry_ids) == len(block.entry_hashes) > 0
        if not same_length or merkle_root(block.entry_hashes) != block.root or seal_of(block) != block.seal:
            first = block.entry_ids[0] if block.entry_ids else "unknown"
            return self._bad("its block was changed after it was sealed", entry_id=first, position=self.position)
        line = self.lines.get(block.number)
        if line and line["seal"] != block.seal:
            return self._bad(
                "its block was replaced, says the checkpoint outside the database",
                entry_id=line["first_entry"],
                position=line["first_position"],
            )
        self.previous = block.seal
        self.blocks += 1
        self.entries += len(block.entry_ids)
        self.position += len(block.entry_ids)
        self.databases.add(block.database)
        return None

    def _check_tail(self) -> BadEntry | None:
        cut = min((number for number in self.lines if number > self.blocks), default=None)
        if cut is None:
            return None
        line = self.lines[cut]
        return self._bad(
            "its block was cut off, says the checkpoint outside the database",
            entry_id=line["first_entry"],
            position=line["first_position"],
        )

    def _check_slipped_in(self, *, horizon: int, sealed: int) -> BadEntry | None:
        """Whatever is older than the last seal stands in a block; an entry that does not was written behind it."""
        older = self._rows.filter(transaction__lt=horizon)
        if len(self.databases) <= 1 and older.count() == sealed:
            return None
        # Counts tell nothing across a restore, where transaction ids start anew: look for each.
        blocks = AuditBlock.objects.filter(chain=self.chain).values_list("entry_ids", flat=True)
        known = {UUID(entry_id).bytes for entry_ids in blocks.iterator(chunk_size=200) for entry_id in entry_ids}
        for entry_id in older.order_by("transaction", "id").values_list("id", flat=True).iterator(chunk_size=2_000):
            if entry_id.bytes not in known:
                return self._bad("it was slipped in behind the last seal", entry_id=str(entry_id), position=None)
        return None

    def _check_unsealed(self, *, horizon: int) -> BadEntry | None:
        """Entries newer than the last seal have only their own hash yet."""
        for row in self._newer(horizon=horizon):
            self.entries += 1
            if _hash_of(row) != row.hash:
                return self._bad("it was altered", entry_id=str(row.id), position=None)
        return None

    def _newer(self, *, horizon: int) -> Iterator[AuditEntry]:
        rows = self._rows.filter(transaction__gte=horizon)
        return rows.order_by("transaction", "id").iterator(chunk_size=1_000)


def _hash_of(row: AuditEntry) -> str:
    return entry_hash(**{column: getattr(row, column) for column in _COLUMNS})
