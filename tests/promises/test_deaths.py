"""A worker that is killed (another process, by SIGKILL): what it had not begun goes out once by somebody else, what it
had begun is never sent again, and what nobody can know a person settles.
"""

import os
import signal
from pathlib import Path
from uuid import UUID

import pytest

from execution.models import Alert, Attempt, ExecutionRequest, Worker
from execution.services.lifecycle import resolve
from execution.states import Status
from tests.support.engine import Engine
from tests.support.processes import wait_until
from workspaces.errors import InvalidInput
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

MAILS = 30


def die_at(engine: Engine, failpoint: str, mails: int = MAILS) -> set[UUID]:
    """Have a drain with one lane die at a step of its work. Returns what it was to send."""
    ids = set(engine.approved_mails(mails))
    with engine.manage("drain", ENGINE_LANES="1", FAILPOINT=f"{failpoint}:kill") as drain:
        assert drain.wait(seconds=60) == -signal.SIGKILL, drain.output()
    return ids


def die_in_a_call(engine: Engine, *, place: int, is_taken: bool) -> tuple[set[UUID], UUID]:
    """Kill a drain while the mail at `place` is in the server's hands, taken (then fsynced) or not. Returns what was
    to be sent, and the one whose outcome nobody knows.
    """
    engine.sink.misbehave(at="content", do="stall", skip=place, times=1, accept=is_taken)
    ids = set(engine.approved_mails(MAILS))
    with engine.manage("drain", ENGINE_LANES="1") as drain:
        wait_until(lambda: len(engine.sink.begun) > place and _is_in_a_call(engine, place), what="the call that hangs")
        os.kill(drain.pid, signal.SIGKILL)
        drain.wait()
    with workspace_scope(engine.cast.workspace):
        order = list(Attempt.objects.order_by("id").values_list("request_id", flat=True))
    return ids, order[place]


def _is_in_a_call(engine: Engine, place: int) -> bool:
    """Whether the worker's journal has the call on record as begun, and the one before as ended."""
    with workspace_scope(engine.cast.workspace):
        journals = list(Worker.objects.filter(ended_at=None).values_list("journal", flat=True))
    text = "".join(Path(path).read_text() for path in journals)
    return text.count("B ") == place + 1 and text.count("E ") == place


def uncertain_alerts(engine: Engine) -> list[UUID | None]:
    with workspace_scope(engine.cast.workspace):
        return list(Alert.objects.filter(kind="uncertain").values_list("request_id", flat=True))


def test_killed_before_its_calls_all_go_out_once_after_its_lease(engine: Engine):
    ids = die_at(engine, "marked")
    assert not engine.sink.begun
    assert engine.with_status(Status.DISPATCHING) == ids
    # Before its lease is over nobody takes anything over.
    with workspace_scope(engine.cast.workspace):
        worker = Worker.objects.get(ended_at=None)
    engine.drain()
    assert not engine.sink.begun
    engine.recover()
    worker.refresh_from_db()
    assert worker.ended_at and worker.ended_at >= worker.lease_until
    engine.drain()
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
    assert engine.with_status(Status.SUCCEEDED) == ids


@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "not taken"])
def test_killed_during_a_call_that_one_is_uncertain_until_a_person_says_which(engine: Engine, is_taken: bool):
    ids, unknown = die_in_a_call(engine, place=5, is_taken=is_taken)
    engine.sink.behave()
    engine.recover()
    engine.drain()
    engine.drain()
    assert engine.with_status(Status.UNCERTAIN) == {unknown}
    assert engine.with_status(Status.SUCCEEDED) == ids - {unknown}
    assert uncertain_alerts(engine) == [unknown]
    arrived = dict.fromkeys(ids if is_taken else ids - {unknown}, 1)
    assert engine.sink.copies() == arrived

    def settle(reason: str) -> None:
        outcome = "was_sent" if is_taken else "was_not_sent"
        resolve(
            workspace=engine.cast.workspace,
            actor=engine.cast.rosa,
            request_id=unknown,
            outcome=outcome,
            reason=reason,
        )

    with pytest.raises(InvalidInput):
        settle("")
    settle("The recipient says so.")
    engine.drain()
    assert engine.with_status(Status.SUCCEEDED) == ids
    assert engine.sink.copies() == dict.fromkeys(ids, 1)


def test_killed_after_its_calls_and_before_they_are_settled_its_journal_tells(engine: Engine):
    ids = die_at(engine, "before_settle")
    sent = set(engine.sink.copies())
    assert sent
    engine.recover()
    assert engine.with_status(Status.SUCCEEDED) == sent
    engine.drain()
    assert engine.with_status(Status.SUCCEEDED) == ids
    assert engine.sink.copies() == dict.fromkeys(ids, 1)


def test_killed_between_an_answer_and_its_note_that_one_is_uncertain(engine: Engine):
    ids = die_at(engine, "called")
    (sent,) = engine.sink.copies()
    engine.recover()
    engine.drain()
    assert engine.with_status(Status.UNCERTAIN) == {sent}
    assert engine.sink.copies() == dict.fromkeys(ids, 1)


@pytest.mark.parametrize("failpoint", ["before_mark", "began", "settled"])
def test_killed_at_any_other_step_nothing_is_doubled_and_nothing_lost(engine: Engine, failpoint: str):
    # Slow enough that a part of the chunk is settled while the rest has not begun.
    slow = engine.sink.misbehave(at="content", do="delay", seconds=0.03)
    ids = die_at(engine, failpoint)
    slow.seconds = 0
    begun = failpoint == "began"
    engine.recover()
    engine.drain()
    uncertain = engine.with_status(Status.UNCERTAIN)
    assert len(uncertain) == begun
    assert engine.sink.copies() == dict.fromkeys(ids - uncertain, 1)
    assert engine.with_status(Status.SUCCEEDED) == ids - uncertain


def test_without_its_journal_the_whole_chunk_is_uncertain(engine: Engine):
    ids, _ = die_in_a_call(engine, place=3, is_taken=True)
    engine.sink.behave()
    with workspace_scope(engine.cast.workspace):
        journal = Worker.objects.get(ended_at=None).journal
    os.unlink(journal)
    unsettled = engine.with_status(Status.DISPATCHING)
    engine.recover()
    engine.drain()
    assert engine.with_status(Status.UNCERTAIN) == unsettled
    assert set(uncertain_alerts(engine)) == unsettled
    assert engine.sink.copies() == dict.fromkeys(ids - unsettled, 1) | {
        request_id: 1 for request_id in list(engine.sink.copies()) if request_id in unsettled
    }


def test_a_worker_stopped_for_longer_than_its_lease_sends_nothing_again(engine: Engine):
    engine.sink.misbehave(at="content", do="delay", seconds=0.05)
    ids = set(engine.approved_mails(MAILS * 2))
    with engine.manage("drain", ENGINE_LANES="1") as drain:
        wait_until(lambda: engine.sink.counts.messages >= 5, what="mails")
        os.kill(drain.pid, signal.SIGSTOP)
        engine.recover()
        engine.sink.behave()
        engine.drain()
        assert engine.in_flight() == 0
        os.kill(drain.pid, signal.SIGCONT)
        assert drain.wait() == 0, drain.output()
    uncertain = engine.with_status(Status.UNCERTAIN)
    assert len(uncertain) <= 1
    assert engine.with_status(Status.SUCCEEDED) == ids - uncertain
    copies = engine.sink.copies()
    assert max(copies.values()) == 1
    assert set(copies) >= ids - uncertain
    with workspace_scope(engine.cast.workspace):
        assert ExecutionRequest.objects.filter(status__in=[Status.APPROVED, Status.DISPATCHING]).count() == 0
