"""SIGKILL at each step of a worker's way, in one of two clusters: nothing is sent twice, nothing is lost."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from execution.engine.failpoints import NAMES
from tests.faults.checker import judge, wait_for_rest
from tests.support.engine import Engine

pytestmark = [pytest.mark.race, pytest.mark.faults]

KNOWN_BY_THE_JOURNAL = {"before_mark", "marked", "before_settle", "settled"}


@pytest.mark.parametrize("step", NAMES)
def test_nothing_is_doubled_or_lost(engine: Engine, step: str, record_property: Callable[[str, object], None]) -> None:
    with ExitStack() as stack:
        # Every worker of the first cluster dies whenever it comes to the step, and is started again by its watchdog.
        stack.enter_context(engine.cluster(workers=2, ENGINE_LANES="1", FAILPOINT=f"{step}:kill"))
        ids = [one for _ in range(10) for one in engine.approved_mails(10)]
        stack.enter_context(engine.cluster(workers=2, ENGINE_LANES="1"))
        wait_for_rest(engine)
    verdict = judge(engine, ids)
    record_property("verdict", str(verdict))
    assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
    # A worker with one lane has one connection, so one call at most that nobody knows the end of.
    most = 0 if step in KNOWN_BY_THE_JOURNAL else 1
    assert max(verdict.uncertain.values(), default=0) <= most, verdict
