"""SIGKILL at each step of a worker's way: nothing is sent twice, nothing is lost."""

from collections.abc import Callable

import pytest

from execution import queue
from execution.engine.failpoints import NAMES
from execution.models import Worker
from tests.faults.checker import Verdict, judge, wait_for_rest
from tests.support.engine import Engine
from tests.support.processes import alive, wait_until

pytestmark = [pytest.mark.race, pytest.mark.slow]

KNOWN_BY_THE_JOURNAL = {"before_mark", "marked", "before_settle", "settled"}


def die_at(engine: Engine, step: str, *, plans: int) -> Verdict:
    """Plans of ten for a cluster whose workers die at `step`, alone until one is dead; then a sound one joins it."""
    with engine.cluster(workers=2, ENGINE_LANES="1", FAILPOINT=f"{step}:kill"):
        ids = [one for _ in range(plans) for one in engine.approved_mails(10)]
        queue.ring()
        wait_until(one_died, what=f"a death at {step}")
        with engine.cluster(workers=2, ENGINE_LANES="1"):
            queue.ring()
            wait_for_rest(engine)
    return judge(engine, ids)


def one_died() -> bool:
    return any(not alive(pid) for pid in Worker.objects.values_list("pid", flat=True))


def check(verdict: Verdict, step: str) -> None:
    assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
    # A worker with one lane has one connection, so one call at most that nobody knows the end of.
    most = 0 if step in KNOWN_BY_THE_JOURNAL else 1
    assert max(verdict.uncertain.values(), default=0) <= most, verdict


@pytest.mark.parametrize("step", ["marked", "called"])
def test_a_few_are_neither_doubled_nor_lost(engine: Engine, step: str) -> None:
    check(die_at(engine, step, plans=1), step)


@pytest.mark.faults
@pytest.mark.parametrize("step", NAMES)
def test_a_hundred_are_neither_doubled_nor_lost(
    engine: Engine, step: str, record_property: Callable[[str, object], None]
) -> None:
    verdict = die_at(engine, step, plans=10)
    record_property("verdict", str(verdict))
    check(verdict, step)
