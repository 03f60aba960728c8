"""SIGKILL where a mail would be uncertain, with a service that knows keys: each act has its effect once, all are
known to have had it, and no person is asked.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.test import override_settings

from execution import queue
from execution.services.accounts import save_account
from execution.states import Status
from execution.types import Proposal
from tests.faults.checker import wait_for_rest
from tests.faults.deaths import kill_in_calls, one_died
from tests.support.engine import Engine
from tests.support.keyed_sink import KeyedSink
from tests.support.processes import wait_until

pytestmark = [pytest.mark.race, pytest.mark.slow, pytest.mark.faults]

PLANS, EACH = 10, 10
ENVIRONMENT = {"ENGINE_LANES": "1", "OUTBOUND_ALLOW_PRIVATE": "true"}


@pytest.fixture
def sink() -> Iterator[KeyedSink]:
    with KeyedSink() as sink, override_settings(OUTBOUND_ALLOW_PRIVATE=True):
        yield sink


def approved_calls(engine: Engine, sink: KeyedSink) -> set[str]:
    """Plans of webhooks through an account whose service keeps keys for a day."""
    save_account(
        workspace=engine.cast.workspace,
        actor=engine.cast.omar,
        name="Hooks",
        channel="webhook",
        provider="webhook",
        security="none",
        options={"key_window_seconds": 86_400},
        is_default=True,
        secret="a secret",
    )
    ids: set[str] = set()
    for plan in range(PLANS):
        payloads = [{"url": f"{sink.url}/in", "method": "POST", "json": {"place": [plan, n]}} for n in range(EACH)]
        ids |= set(map(str, engine.approved([Proposal(channel="webhook", payload=one) for one in payloads])))
    return ids


def check(engine: Engine, sink: KeyedSink, ids: set[str]) -> None:
    assert {str(one) for one in engine.with_status(Status.SUCCEEDED)} == ids
    assert sink.done == dict.fromkeys(ids, 1)


@pytest.mark.parametrize("step", ["began", "called"])
def test_a_hundred_calls_by_workers_that_die_at_a_step(engine: Engine, sink: KeyedSink, step: str) -> None:
    with engine.cluster(workers=2, FAILPOINT=f"{step}:kill", **ENVIRONMENT):
        ids = approved_calls(engine, sink)
        queue.ring()
        wait_until(one_died, what=f"a death at {step}")
        with engine.cluster(workers=2, **ENVIRONMENT):
            queue.ring()
            wait_for_rest(engine)
    check(engine, sink, ids)


@pytest.mark.parametrize("stalled_first", [True, False], ids=["not taken", "taken"])
def test_a_hundred_calls_of_which_some_are_cut_off_without_an_answer(
    engine: Engine, sink: KeyedSink, stalled_first: bool
) -> None:
    deaths = 6
    sink.stalled_first, sink.stall_new = stalled_first, deaths
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(engine.cluster(workers=2, **ENVIRONMENT))
        ids = approved_calls(engine, sink)
        kill_in_calls(engine, stalled=lambda: sink.stalled, deaths=deaths)
        wait_for_rest(engine)
    check(engine, sink, ids)
