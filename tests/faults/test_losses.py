"""What can be lost without losing a mail: the queue, the key it is signed with, a worker's time."""

import os
import signal

import pytest
from django.db import connection

from execution.models import Worker
from tests.faults.checker import backlog, judge, wait_for_rest
from tests.support.engine import LEASE_SECONDS, Engine
from tests.support.processes import wait_until

pytestmark = [pytest.mark.race, pytest.mark.faults]


def empty_the_queue() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_q_ormq")


def test_a_queue_emptied_by_hand_loses_nothing(engine: Engine) -> None:
    ids = engine.approved_mails(100)
    empty_the_queue()
    with engine.cluster(workers=2):
        wait_for_rest(engine)
    verdict = judge(engine, ids)
    assert (verdict.arrived, verdict.doubled, verdict.lost) == (100, frozenset(), frozenset())


def test_another_secret_key_loses_nothing(engine: Engine) -> None:
    ids = engine.approved_mails(100)  # their bells are signed with the key of this process
    with engine.cluster(workers=2, SECRET_KEY="another-key-" + "y" * 50):
        wait_for_rest(engine)
    verdict = judge(engine, ids)
    assert (verdict.arrived, verdict.doubled, verdict.lost) == (100, frozenset(), frozenset())


def test_a_worker_stopped_for_twice_its_lease_sends_nothing_again(engine: Engine) -> None:
    engine.sink.misbehave(at="content", do="delay", seconds=0.05)
    with engine.cluster(workers=2):
        ids = engine.approved_mails(200)
        wait_until(lambda: engine.sink.counts.messages >= 20, what="some mails")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM execution_worker WHERE ended_at IS NULL")
            pids = [row[0] for row in cursor.fetchall()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        with engine.cluster(workers=2):
            wait_until(
                lambda: not Worker.objects.filter(pid__in=pids, ended_at=None).exists() or backlog(engine) == 0,
                seconds=LEASE_SECONDS * 10,
                what="the recovery of stopped workers",
            )
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass  # its watchdog ended it meanwhile
            wait_for_rest(engine)
    verdict = judge(engine, ids)
    assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
