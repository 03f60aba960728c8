"""How many connections the mail server sees at once, whoever sends, and after a worker was killed."""

import signal

import pytest

from tests.promises.test_accounts import account_of
from tests.support.engine import Engine
from tests.support.processes import wait_until

pytestmark = pytest.mark.race


def test_two_processes_of_four_lanes_keep_to_an_accounts_three(engine: Engine):
    engine.sink.misbehave(at="content", do="delay", seconds=0.02)
    account = account_of(engine, "Narrow", max_connections=3)
    ids = engine.approved_mails(600, account=account.pk)
    with engine.manage("drain", ENGINE_LANES="4") as one, engine.manage("drain", ENGINE_LANES="4") as other:
        for drain in (one, other):
            assert drain.wait(seconds=60) == 0, drain.output()
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
    assert engine.sink.counts.most_open == 3


def test_a_killed_worker_gives_its_connection_back(engine: Engine):
    engine.sink.misbehave(at="content", do="delay", seconds=0.05)
    account = account_of(engine, "Narrow", max_connections=1)
    engine.approved_mails(120, account=account.pk)
    with engine.manage("drain", ENGINE_LANES="1") as drain:
        wait_until(lambda: engine.sink.counts.messages >= 3, what="mails")
        drain.signal(signal.SIGKILL)
        drain.wait()
    # Before its lease is over, and so before anything of its own is recovered.
    assert engine.drain().succeeded >= 20
    assert set(engine.sink.copies().values()) == {1}


def test_lanes_that_found_no_connection_come_back_for_other_work(engine: Engine):
    engine.sink.misbehave(at="content", do="delay", seconds=0.02)
    account = account_of(engine, "Narrow", max_connections=1)
    backlog = engine.approved_mails(500, account=account.pk)
    with engine.manage("drain", ENGINE_LANES="2") as drain:
        # By then the second lane has looked for a connection, waited for one, and left.
        wait_until(lambda: engine.sink.counts.messages >= 200, what="mails")
        later = set(engine.approved_mails(20, domain="example.net"))
        wait_until(lambda: later <= set(engine.sink.copies()), what="the mails of the other account")
        assert engine.sink.counts.messages < len(backlog)
        drain.signal(signal.SIGTERM)
        assert drain.wait(seconds=30) in (0, -signal.SIGTERM), drain.output()
