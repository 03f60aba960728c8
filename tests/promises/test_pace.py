"""The pace of an account as the mail server sees it, whoever calls; and a hold while calls wait for their turn."""

import time
from collections.abc import Sequence
from uuid import UUID

import pytest

from execution import hold, release
from execution.models import ExecutionRequest, HoldScope, ProviderAccount
from execution.states import Status
from tests.promises.test_accounts import account_of
from tests.promises.test_holds import began_late, measured_lateness
from tests.support.engine import Engine
from tests.support.processes import wait_until
from tests.support.racers import act
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

A_SECOND = 5


def mails_through(engine: Engine, account: ProviderAccount, number: int) -> list[UUID]:
    return engine.approved_mails(number, account=account.pk)


def most_in_a_second(times: Sequence[float], *, late: float) -> int:
    """The most of `times` in any half-open second, less what this machine was late by."""
    return max(sum(first <= at < first + 1 - late for at in times) for first in times)


@pytest.mark.parametrize("answers_in", [0.0, 0.4])
def test_two_drains_at_once_never_call_more_often_than_allowed(engine: Engine, answers_in: float):
    if answers_in:
        engine.sink.misbehave(at="content", do="delay", seconds=answers_in)
    account = account_of(engine, "Paced", per_second=A_SECOND)
    ids = mails_through(engine, account, 30)
    drains = [act("tests.support.racers:drain_until_all_is_sent", slug=engine.cast.workspace.slug)]
    with measured_lateness() as lateness:
        engine.race(drains, drains)
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
    assert most_in_a_second(engine.sink.begun, late=lateness.worst) <= A_SECOND


def test_many_lanes_of_one_drain_keep_it_too_and_use_it(engine: Engine):
    account = account_of(engine, "Paced", per_second=A_SECOND)
    ids = mails_through(engine, account, 30)
    with engine.manage("drain", ENGINE_LANES="4") as drain, measured_lateness() as lateness:
        assert drain.wait(seconds=60) == 0, drain.output()
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
    assert most_in_a_second(engine.sink.begun, late=lateness.worst) <= A_SECOND
    assert engine.sink.begun[-1] - engine.sink.begun[0] < 2 * len(ids) / A_SECOND


def test_no_call_that_waits_for_its_turn_begins_after_a_hold(engine: Engine):
    cast = engine.cast
    # A mark takes the slots of the next two seconds: four calls, of which two still wait when two were made.
    account = account_of(engine, "Slow", per_second=2)
    ids = mails_through(engine, account, 8)
    with engine.manage("drain", ENGINE_LANES="2") as drain, measured_lateness() as lateness:
        wait_until(lambda: engine.sink.counts.messages >= 2 and engine.in_flight() >= 1, what="a call that waits")
        hold(scope=f"account:{account.pk}", reason="stop", actor=cast.omar, workspace=cast.workspace)
        held_at = time.time()
        wait_until(lambda: engine.in_flight() == 0, what="the end of what was in flight")
        assert drain.wait(seconds=60) == 0, drain.output()
    assert not began_late(engine, held_at=held_at, until=time.time(), lateness=lateness)
    with workspace_scope(cast.workspace):
        rows = ExecutionRequest.objects.filter(status=Status.APPROVED)
        assert f"hold:{HoldScope.ACCOUNT}" in set(rows.values_list("wait_reason", flat=True))
    release(scope=f"account:{account.pk}", reason="go on", actor=cast.omar, workspace=cast.workspace)
    engine.race([act("tests.support.racers:drain_until_all_is_sent", slug=cast.workspace.slug)])
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
