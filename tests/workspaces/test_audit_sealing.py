"""Sealing: positions without gaps, one sealer, nothing in front of what is sealed, whatever else is running."""

import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.support.database import cloned_database, url_of
from tests.support.processes import wait_until
from tests.workspaces.ledger import bare_workspace, numbers, sealed, write
from workspaces import audit
from workspaces.actors import system_actor
from workspaces.audit import sealer
from workspaces.audit.checkpoint import append_checkpoint, complete_checkpoint, read_checkpoint
from workspaces.audit.sealer import Sealer, seal_once
from workspaces.audit.verify import verify
from workspaces.models import AuditBlock, AuditEntry

record_module = import_module("workspaces.audit.record")  # the package shows the function of that name


@pytest.fixture(autouse=True)
def checkpoint(settings, tmp_path):
    settings.AUDIT_CHECKPOINT = tmp_path / "checkpoint.jsonl"
    return settings.AUDIT_CHECKPOINT


class Writer:
    """A thread with a transaction that has written entry `n` and goes on until it is told to commit."""

    def __init__(self, workspace, n) -> None:
        self.workspace, self.n = workspace, n
        self.actor = system_actor("tests")
        self.wrote, self.commit = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._act)

    def __enter__(self) -> "Writer":
        self.thread.start()
        assert self.wrote.wait(timeout=30)
        return self

    def __exit__(self, *exc: object) -> None:
        self.commit.set()
        self.thread.join(timeout=30)

    def _act(self) -> None:
        try:
            with transaction.atomic():
                audit.record(action="test.entry", actor=self.actor, workspace_id=self.workspace.id, data={"n": self.n})
                self.wrote.set()
                self.commit.wait(timeout=30)
        finally:
            connection.close()


def test_it_seals_every_chain_once(live_db):
    first, second = bare_workspace("first"), bare_workspace("second")
    write(first, 1, 2, 3)
    write(second, 4)
    write(None, 5)
    assert seal_once() == AuditEntry.objects.count()
    assert [numbers(sealed(chain)) for chain in (first, second, None)] == [[1, 2, 3], [4], [5]]
    assert seal_once() == 0


def test_blocks_are_chained(live_db):
    workspace = bare_workspace("book")
    for n in range(3):
        write(workspace, n)
        seal_once()
    blocks = list(AuditBlock.objects.filter(chain=str(workspace.id)).order_by("number"))
    assert [block.number for block in blocks] == [1, 2, 3]
    assert [block.previous for block in blocks[1:]] == [block.seal for block in blocks[:-1]]
    assert verify().bad is None


def test_a_long_run_is_cut_into_blocks(live_db, monkeypatch):
    monkeypatch.setattr(sealer, "BLOCK_SIZE", 2)
    workspace = bare_workspace("book")
    write(workspace, *range(4))
    seal_once()
    assert numbers(sealed(workspace)) == [0, 1, 2, 3]
    assert AuditBlock.objects.filter(chain=str(workspace.id)).count() == 2
    assert verify().bad is None


@pytest.mark.race
def test_an_entry_waits_for_the_transactions_begun_before_it(live_db):
    workspace = bare_workspace("book")
    seal_once()
    with Writer(workspace, 1):
        write(workspace, 2)
        assert seal_once() == 0
    assert seal_once() == 2
    assert numbers(sealed(workspace)) == [1, 2]


@pytest.mark.race
def test_what_is_older_than_a_running_transaction_is_sealed(live_db):
    workspace = bare_workspace("book")
    write(workspace, 1)
    with Writer(workspace, 2):
        seal_once()
        assert numbers(sealed(workspace)) == [1]
    seal_once()
    assert numbers(sealed(workspace)) == [1, 2]


def test_a_sealer_asks_one_question_while_nothing_is_new(live_db):
    write(bare_workspace("book"), 1)
    one = Sealer()
    one.seal()
    with CaptureQueriesContext(connection) as taken:
        assert one.seal() == 0
    assert len(taken) == 1


@pytest.mark.race
def test_a_sealer_sees_what_an_old_transaction_commits_late(live_db):
    workspace = bare_workspace("book")
    one = Sealer()
    one.seal()
    with Writer(workspace, 1):
        assert one.seal() == 0
    assert one.seal() == 1
    assert numbers(sealed(workspace)) == [1]


def test_a_sealer_whose_connection_was_lost_takes_nothing_for_granted(live_db):
    write(bare_workspace("book"), 1)
    one = Sealer()
    one.seal()
    connection.close()
    connection.ensure_connection()
    with CaptureQueriesContext(connection) as taken:
        assert one.seal() == 0
    assert len(taken) > 1


@pytest.mark.race
def test_it_waits_for_nothing_that_runs_in_another_database(live_db):
    workspace = bare_workspace("book")
    with psycopg.connect(url_of("postgres")) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        write(workspace, 1)
        # Not at the first try where yet another one, of the tests beside this, ends while its database is looked up.
        wait_until(lambda: seal_once() == 1, seconds=20, what="the seal")
        assert numbers(sealed(workspace)) == [1]


@pytest.mark.race
def test_an_entry_that_is_rolled_back_leaves_no_gap(live_db):
    workspace = bare_workspace("book")
    write(workspace, 1)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        audit.record(action="test.entry", actor=system_actor("tests"), workspace_id=workspace.id, data={"n": 2})
        raise ZeroDivisionError
    write(workspace, 3)
    seal_once()
    assert numbers(sealed(workspace)) == [1, 3]


@pytest.mark.race
def test_writers_and_sealers_at_once_leave_every_entry_sealed_once(live_db):
    workspace = bare_workspace("book")
    stop = threading.Event()

    def closing(act):
        def run(*arguments):
            try:
                return act(*arguments)
            finally:
                connection.close()

        return run

    def seal_all_the_time() -> None:
        while not stop.is_set():
            seal_once()

    with ThreadPoolExecutor(6) as pool:
        sealers = [pool.submit(closing(seal_all_the_time)) for _ in range(2)]
        writers = [pool.submit(closing(write), workspace, *range(w * 50, w * 50 + 50)) for w in range(4)]
        written = [entry_id for writer in writers for entry_id in writer.result(timeout=120)]
        stop.set()
        for one in sealers:
            one.result(timeout=120)
    seal_once()
    in_order = sealed(workspace)
    assert sorted(numbers(in_order)) == list(range(200))
    assert len(set(in_order)) == len(in_order)
    assert set(written) <= set(in_order)
    result = verify()
    assert (result.bad, result.entries) == (None, AuditEntry.objects.count())


@pytest.mark.race
def test_there_is_one_sealer_at_a_time(live_db):
    workspace = bare_workspace("book")
    write(workspace, 1)
    elected, let_go = threading.Event(), threading.Event()

    def hold_the_election() -> None:
        try:
            with transaction.atomic():
                assert sealer._elected()
                elected.set()
                let_go.wait(timeout=30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold_the_election)
    thread.start()
    try:
        assert elected.wait(timeout=30)
        assert seal_once() == 0
    finally:
        let_go.set()
        thread.join(timeout=30)
    assert seal_once() > 0


def test_a_sealer_whose_clock_is_behind_seals_nothing_twice(live_db, monkeypatch):
    workspace = bare_workspace("book")
    write(workspace, 1)
    seal_once()
    newest = AuditBlock.objects.latest("id").id
    write(workspace, 2)
    seal_once()
    # Ids carry the clock of the host that made them: a later block can have a lower id.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE workspaces_auditblock SET id = gen_random_uuid() WHERE id > %s", [newest])
    assert seal_once() == 0
    assert verify().bad is None


class AnotherCluster:
    """Transaction ids as a database elsewhere may have them: far ahead of ours."""

    AHEAD = 10**9

    def __init__(self, monkeypatch) -> None:
        self.monkeypatch = monkeypatch
        self.number, self.horizon = record_module._transaction_id, sealer._horizon

    def __enter__(self) -> None:
        self.monkeypatch.setattr(record_module, "_transaction_id", lambda: self.number() + self.AHEAD)
        self.monkeypatch.setattr(sealer, "_horizon", lambda: self.horizon() + self.AHEAD)

    def __exit__(self, *exc: object) -> None:
        self.monkeypatch.undo()


def test_restored_into_another_database_it_goes_on_sealing(live_db, settings, monkeypatch):
    checkpoint = settings.AUDIT_CHECKPOINT
    with AnotherCluster(monkeypatch):
        workspace = bare_workspace("book")
        write(workspace, 1, 2)
        seal_once()
        write(workspace, 3)
    with cloned_database():
        settings.AUDIT_CHECKPOINT = checkpoint
        write(workspace, 4)
        seal_once()
        assert sorted(numbers(sealed(workspace))) == [1, 2, 3, 4]
        write(workspace, 5)
        assert seal_once() == 1
        assert verify().bad is None
        with AnotherCluster(monkeypatch):
            # The ids have come to where the old database's were: what that had sealed is not sealed again.
            write(workspace, 6)
            assert seal_once() == 1
        assert numbers(sealed(workspace))[-2:] == [5, 6]
        assert len(sealed(workspace)) == AuditEntry.objects.filter(workspace=workspace).count()
        assert verify().bad is None


def test_each_block_is_written_outside_the_database(live_db, checkpoint):
    workspace = bare_workspace("book")
    write(workspace, 1, 2)
    seal_once()
    block = AuditBlock.objects.get(chain=str(workspace.id))
    (line,) = [line for line in read_checkpoint() if line["chain"] == block.chain]
    assert (line["number"], line["seal"], line["entries"]) == (1, block.seal, 2)
    assert line["last_entry"] == block.entry_ids[-1]
    assert checkpoint.stat().st_mode & 0o077 == 0


def test_blocks_that_a_crash_left_out_of_it_are_added(live_db, checkpoint, monkeypatch):
    workspace = bare_workspace("book")
    monkeypatch.setattr(sealer, "append_checkpoint", lambda blocks: None)
    write(workspace, 1)
    seal_once()
    assert complete_checkpoint() == AuditBlock.objects.count()
    assert complete_checkpoint() == 0
    assert verify().bad is None


def test_a_line_that_a_crash_tore_is_written_again(live_db, checkpoint):
    workspace = bare_workspace("book")
    write(workspace, 1)
    seal_once()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    assert verify().bad is None
    assert complete_checkpoint() == 1
    assert len(list(read_checkpoint())) == AuditBlock.objects.count()


def test_no_block_is_no_line(checkpoint):
    append_checkpoint([])
    assert not checkpoint.exists()
    assert list(read_checkpoint()) == []
