"""Whole clusters, as `manage.py cluster` starts them: one mail each, lost bells, a killed supervisor."""

import os
import signal
import time
from contextlib import ExitStack

import pytest
from django.db import transaction

from execution import queue
from execution.models import Attempt, Worker
from execution.states import Status
from tests.support.engine import Engine
from tests.support.processes import alive, descendants, wait_until
from workspaces.audit.verify import verify
from workspaces.models import AuditBlock, AuditEntry
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race


def ring(times: int) -> None:
    """Ring the bell as often, all at once: one would do, and wake one worker."""
    with transaction.atomic():
        for _ in range(times):
            queue.ring()


def send_by_two_clusters(engine: Engine, mails: int) -> set[int]:
    """Returns the process ids of the workers that took part."""
    with ExitStack() as stack:
        clusters = [stack.enter_context(engine.cluster(workers=4)) for _ in range(2)]
        engine.sink.misbehave(at="content", do="delay", seconds=0.01)
        ids = engine.approved_mails(mails)
        ring(16)
        wait_until(lambda: engine.sink.counts.messages >= mails, what="all mails")
        wait_until(lambda: len(engine.with_status(Status.SUCCEEDED)) == mails, what="the end of all requests")
        assert engine.sink.copies() == dict.fromkeys(ids, 1)
        with workspace_scope(engine.cast.workspace):
            took_part = set(Attempt.objects.values_list("worker", flat=True))
            assert Attempt.objects.count() == mails
        pids = set(Worker.objects.filter(pk__in=took_part).values_list("pid", flat=True))
        for cluster in clusters:
            assert pids & set(descendants(cluster.pid)), "a cluster took no part"
    return pids


def test_two_clusters_of_four_send_2000_mails_once_each(engine: Engine):
    assert len(send_by_two_clusters(engine, 2_000)) >= 4


@pytest.mark.faults
def test_two_clusters_of_four_send_10000_mails_once_each(engine: Engine):
    assert len(send_by_two_clusters(engine, 10_000)) == 8


def test_what_every_bell_was_lost_for_is_swept_up_and_sealed(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    with engine.cluster(workers=2):
        with monkeypatch.context() as patch:
            patch.setattr(queue, "async_task", lambda *words: None)
            ids = engine.approved_mails(20)
        wait_until(lambda: len(engine.with_status(Status.SUCCEEDED)) == len(ids), what="the sweep")
        assert engine.sink.copies() == dict.fromkeys(ids, 1)
        wait_until(lambda: unsealed() == 0, what="the seals")
    verified = verify()
    assert verified.bad is None
    assert verified.entries == AuditEntry.objects.count()


def unsealed() -> int:
    """How many audit entries stand in no block yet."""
    sealed = {entry_id for ids in AuditBlock.objects.values_list("entry_ids", flat=True) for entry_id in ids}
    return sum(str(entry_id) not in sealed for entry_id in AuditEntry.objects.values_list("id", flat=True))


def test_a_killed_supervisor_takes_its_senders_along(engine: Engine):
    engine.sink.misbehave(at="content", do="delay", seconds=0.05)
    with engine.cluster(workers=4) as cluster:
        ids = engine.approved_mails(1_000)
        ring(8)
        wait_until(lambda: engine.sink.counts.messages >= 40, what="mails")
        generation = descendants(cluster.pid)
        os.kill(cluster.pid, signal.SIGKILL)
        killed_at = time.time()
        cluster.wait()
        wait_until(lambda: not any(alive(pid) for pid in generation), what="the end of its generation")
    before = engine.sink.copies()
    assert len(before) < len(ids)
    assert max(engine.sink.begun) < killed_at + 15
    engine.sink.behave()
    engine.recover()
    engine.drain()
    # All were told to end and did after the call they were at, so that nothing is unknown.
    assert engine.with_status(Status.SUCCEEDED) == set(ids)
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
