"""An account of every move that needs no shipped code: a trigger writes down each change of a request's status.

Held against the audit log it tells whether each move has exactly one entry, in its own transaction (P11).
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from execution.states import TRANSITIONS, Status
from workspaces.models import AuditEntry

SETUP = """
CREATE SCHEMA test_ledger;
CREATE TABLE test_ledger.moves (
  id bigserial PRIMARY KEY, transaction bigint NOT NULL, at timestamptz NOT NULL,
  workspace uuid NOT NULL, request uuid NOT NULL, was text, now text NOT NULL
);
CREATE INDEX ON test_ledger.moves (workspace, id);
CREATE FUNCTION test_ledger.write_down() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO test_ledger.moves (transaction, at, workspace, request, was, now) VALUES (
    pg_current_xact_id()::text::bigint, clock_timestamp(), NEW.workspace_id, NEW.id,
    CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status);
  RETURN NULL;
END $$;
CREATE TRIGGER made AFTER INSERT ON execution_executionrequest
  FOR EACH ROW EXECUTE FUNCTION test_ledger.write_down();
CREATE TRIGGER moved AFTER UPDATE ON execution_executionrequest
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION test_ledger.write_down();
"""

# What each audited action makes of a request; a person's word on an uncertain one says itself what.
TARGETS = {
    "request.proposed": Status.PROPOSED,
    "request.edited": Status.PROPOSED,
    "request.gated": Status.PENDING,
    "request.gate_reopened": Status.PENDING,
    "request.drifted": Status.PENDING,
    "request.undone": Status.PENDING,
    "request.ran_alone": Status.APPROVED,
    "request.approved": Status.APPROVED,
    "request.retry": Status.APPROVED,
    "request.retried": Status.APPROVED,
    "request.not_begun": Status.APPROVED,
    "request.dispatched": Status.DISPATCHING,
    "request.succeeded": Status.SUCCEEDED,
    "request.dry_run": Status.SUCCEEDED,
    "request.failed": Status.FAILED,
    "request.uncertain": Status.UNCERTAIN,
    "request.refused": Status.REFUSED,
    "request.rejected": Status.REJECTED,
    "request.changes_requested": Status.NEEDS_CHANGES,
    "request.cancelled": Status.CANCELLED,
    "request.expired": Status.EXPIRED,
}
_RESOLVED = {"was_sent": Status.SUCCEEDED, "was_not_sent": Status.APPROVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One request that changed its status at `at` (the database's clock, seconds), and the entry that says so."""

    at: float
    request: UUID
    was: Status | None
    now: Status
    entry: AuditEntry | None


class Ledger:
    """The moves of one workspace, read once each."""

    def __init__(self, *, workspace_id: UUID) -> None:
        self.workspace_id = workspace_id
        self._number = 0
        self._transaction = 0

    def read(self) -> tuple[list[Move], list[str], bool]:
        """The moves since the last reading; what is wrong with them (not in the table, not on record); whether
        anything at all was put on record since.
        """
        rows = self._rows()
        entries = self._entries()
        told: dict[tuple[int, UUID, Status], list[AuditEntry]] = {}
        for entry in entries:
            target = target_of(entry)
            if target is None:
                continue
            for request in subjects_of(entry):
                told.setdefault((entry.transaction, request, target), []).append(entry)
        made = Counter((transaction, request, now) for _, transaction, _, request, _, now in rows)
        problems = [
            f"{request} became {now} {count} times, with {len(told.get((transaction, request, now), []))} entries"
            for (transaction, request, now), count in made.items()
            if len(told.get((transaction, request, now), [])) != count
        ]
        problems += [f"{key[1]}: an entry says {key[2]}, and nothing moved" for key in told if key not in made]
        moves = []
        for number, transaction, at, request, was, now in rows:
            if not (now == Status.PROPOSED if was is None else now in TRANSITIONS[was]):
                problems.append(f"{request} went from {was} to {now}, which is not in the table")
            kept = told.get((transaction, request, now))
            moves.append(Move(at=at, request=request, was=was, now=now, entry=kept.pop(0) if kept else None))
            self._number = number
        return moves, problems, bool(rows or entries)

    def _rows(self) -> list[tuple[int, int, float, UUID, Status | None, Status]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, transaction, extract(epoch FROM at)::float8, request, was, now FROM test_ledger.moves "
                "WHERE workspace = %s AND id > %s ORDER BY id",
                [self.workspace_id, self._number],
            )
            return [(*row[:4], Status(row[4]) if row[4] else None, Status(row[5])) for row in cursor.fetchall()]

    def _entries(self) -> list[AuditEntry]:
        entries = list(
            AuditEntry.objects.raw(
                "SELECT * FROM workspaces_auditentry WHERE workspace_id = %s AND transaction > %s "
                "ORDER BY transaction, id",
                [self.workspace_id, self._transaction],
            )
        )
        if entries:
            self._transaction = entries[-1].transaction
        return entries


def target_of(entry: AuditEntry) -> Status | None:
    """The status that an entry says its requests moved to; None where it speaks of no move."""
    if entry.action == "request.resolved":
        return _RESOLVED[entry.data["outcome"]]
    return TARGETS.get(entry.action)


def subjects_of(entry: AuditEntry) -> list[UUID]:
    """The requests that an entry covers."""
    if entry.subject_type == "execution.executionrequest" and entry.subject_id:
        return [entry.subject_id]
    return [UUID(subject) for subject in entry.subjects]
