"""A hold over work in full swing: nothing begins after it, what waits says so, and all goes out once it is released."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from execution import hold, release
from execution.models import ExecutionRequest, HoldScope
from execution.states import Status
from tests.support.engine import Engine
from tests.support.processes import wait_until
from tests.support.racers import act
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

LATEST = 0.1  # seconds from a hold's commit to the last call that begins (P6)


class Lateness:
    """How late this machine lets a thread run that asked for a moment: a busy one delays the engine as much."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.over = threading.Event()

    def watch(self) -> None:
        while not self.over.is_set():
            asked = time.monotonic()
            time.sleep(0.002)
            self.worst = max(self.worst, time.monotonic() - asked - 0.002)


@contextmanager
def measured_lateness() -> Iterator[Lateness]:
    lateness = Lateness()
    thread = threading.Thread(target=lateness.watch)
    thread.start()
    try:
        yield lateness
    finally:
        lateness.over.set()
        thread.join()


def began_late(engine: Engine, *, held_at: float, until: float, lateness: Lateness) -> list[float]:
    """How long after the hold each call began that began too late."""
    return [at - held_at for at in engine.sink.begun if held_at + LATEST + lateness.worst < at < until]


def test_nothing_begins_after_a_hold_over_200_mails_in_flight(engine: Engine):
    cast = engine.cast
    engine.sink.misbehave(at="content", do="delay", seconds=0.2)
    engine.approved_mails(240)
    with engine.manage("drain", ENGINE_LANES="4") as drain, measured_lateness() as lateness:
        wait_until(lambda: engine.sink.counts.messages >= 8, what="mails")
        assert engine.in_flight() >= 150
        hold(scope="global", reason="stop", actor=cast.omar)
        held_at = time.time()
        wait_until(lambda: engine.in_flight() == 0, what="the end of what was in flight")
        assert drain.wait(seconds=60) == 0, drain.output()
    assert not began_late(engine, held_at=held_at, until=time.time(), lateness=lateness)
    sent = engine.with_status(Status.SUCCEEDED)
    assert engine.sink.copies() == dict.fromkeys(sent, 1)
    with workspace_scope(cast.workspace):
        waiting = ExecutionRequest.objects.filter(status=Status.APPROVED)
        assert {row.wait_reason for row in waiting} == {f"hold:{HoldScope.GLOBAL}"}
        everything = set(ExecutionRequest.objects.values_list("id", flat=True))
        assert set(waiting.values_list("id", flat=True)) == everything - sent
    engine.sink.behave()
    release(scope="global", reason="go on", actor=cast.omar)
    engine.drain()
    assert engine.sink.copies() == dict.fromkeys(everything, 1)


def test_nothing_begins_after_a_hold_set_while_the_server_is_slow_to_greet(engine: Engine):
    cast = engine.cast
    engine.sink.misbehave(at="connect", do="delay", seconds=2.0)
    (waits,) = engine.approved_mails(1)
    with engine.manage("drain", ENGINE_LANES="1") as drain:
        wait_until(lambda: engine.sink.counts.connections == 1, what="the connection")
        hold(scope="global", reason="stop", actor=cast.omar)
        assert drain.wait(seconds=60) == 0, drain.output()
    assert not engine.sink.begun
    held = engine.read(waits)
    assert (held.status, held.wait_reason) == (Status.APPROVED, f"hold:{HoldScope.GLOBAL}")


def test_nothing_begins_after_a_hold_set_while_a_connection_is_opened_again(engine: Engine):
    cast = engine.cast
    engine.sink.misbehave(at="mail", do="drop", reply="421 4.7.0 one mail is enough", skip=1, times=1)
    engine.sink.misbehave(at="connect", do="delay", seconds=2.0, skip=1)
    ids = engine.approved_mails(2)
    with engine.manage("drain", ENGINE_LANES="1") as drain:
        wait_until(lambda: engine.sink.counts.connections == 2, what="the second connection")
        hold(scope="global", reason="stop", actor=cast.omar)
        assert drain.wait(seconds=60) == 0, drain.output()
    assert len(engine.sink.begun) == 2
    (held,) = engine.with_status(Status.APPROVED)
    assert engine.read(held).wait_reason == f"hold:{HoldScope.GLOBAL}"
    engine.sink.behave()
    release(scope="global", reason="go on", actor=cast.omar)
    engine.drain()
    assert engine.sink.copies() == dict.fromkeys(ids, 1)


@pytest.mark.faults
def test_fifty_holds_under_twenty_claiming_workers(engine: Engine):
    cast = engine.cast
    engine.sink.misbehave(at="content", do="delay", seconds=0.02)
    ids = engine.approved_mails(10_000)
    drains = [[act("tests.support.racers:drain_until_all_is_sent", slug=cast.workspace.slug, seconds=900)]] * 20
    late: list[float] = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        draining = beside.submit(engine.race, *drains, seconds=900)
        for scope in ["global", "channel:email", f"workspace:{cast.workspace.slug}"] * 17:
            workspace = None if scope == "global" else cast.workspace
            wait_until(partial(_has_taken, engine, engine.sink.counts.messages + 40), what="mails")
            with measured_lateness() as lateness:
                hold(scope=scope, reason="stop", actor=cast.omar, workspace=workspace)
                held_at = time.time()
                wait_until(lambda: engine.in_flight() == 0, what="the end of what was in flight")
                until = time.time()
            late.extend(began_late(engine, held_at=held_at, until=until, lateness=lateness))
            release(scope=scope, reason="go on", actor=cast.omar, workspace=workspace)
        draining.result()
    engine.drain()
    assert not late
    assert engine.sink.copies() == dict.fromkeys(ids, 1)


def _has_taken(engine: Engine, mails: int) -> bool:
    return bool(engine.sink.counts.messages >= mails)
