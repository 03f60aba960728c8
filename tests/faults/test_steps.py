"""SIGKILL at each step from a decision to its settled outcome: nothing is sent twice, nothing is lost, and what nobody
can know is what was begun, one call at most for each connection of a worker that died.

One step is the decider's (between its commit and the bell), one the mail server's (a call that has no answer yet); the
others are those of execution/engine/failpoints.py.
"""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from django_q.models import OrmQ

from execution import queue
from execution.engine.failpoints import NAMES
from tests.faults.checker import Verdict, judge, wait_for_rest
from tests.faults.deaths import KeptJournals, kill_in_calls, one_died, uncertain_attempts
from tests.support.engine import Engine, a_mail
from tests.support.processes import wait_until
from tests.support.racers import act

pytestmark = [pytest.mark.race, pytest.mark.slow]

WORKERS_STEPS = [name for name in NAMES if name != "decided"]
KNOWN_BY_THE_JOURNAL = {"before_mark", "marked", "before_settle", "settled"}
Note = Callable[[str, object], None]


def die_at(engine: Engine, step: str, *, plans: int) -> Verdict:
    """Plans of ten for a cluster whose workers die at `step`, alone until one is dead; then a sound one joins it."""
    with KeptJournals(engine) as journals:
        with engine.cluster(workers=2, ENGINE_LANES="1", FAILPOINT=f"{step}:kill"):
            ids = [one for _ in range(plans) for one in engine.approved_mails(10)]
            queue.ring()
            wait_until(one_died, what=f"a death at {step}")
            with engine.cluster(workers=2, ENGINE_LANES="1"):
                queue.ring()
                wait_for_rest(engine)
        check(judge(engine, ids), most=0 if step in KNOWN_BY_THE_JOURNAL else 1)
        assert uncertain_attempts(engine) <= journals.in_a_call()
    return judge(engine, ids)


def check(verdict: Verdict, *, most: int) -> None:
    """most: uncertain ones a worker. With one lane it has one connection, so one call that nobody knows the end of."""
    assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
    assert max(verdict.uncertain.values(), default=0) <= most, verdict


@pytest.mark.parametrize("step", ["marked", "called"])
def test_a_few_are_neither_doubled_nor_lost(engine: Engine, step: str) -> None:
    die_at(engine, step, plans=1)


@pytest.mark.faults
@pytest.mark.parametrize("step", WORKERS_STEPS)
def test_a_hundred_are_neither_doubled_nor_lost(engine: Engine, step: str, record_property: Note) -> None:
    record_property("verdict", str(die_at(engine, step, plans=10)))


def decide_and_die(engine: Engine, *, plans: int) -> Verdict:
    """Plans of ten, each approved by a process that dies before it rings; two clusters that hear nothing of it."""
    proposed = [engine.planned([a_mail(f"reader{n}@example.org") for n in range(10)]) for _ in range(plans)]
    decisions = [
        act(
            "execution.services.decisions:decide_plan",
            workspace=engine.cast.workspace.slug,
            actor="human:rosa",
            plan_id=str(plan.pk),
            verdict="approve",
            digest=digest,
        )
        for plan, digest in proposed
    ]
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(engine.cluster(workers=2))
        wait_until(lambda: not OrmQ.objects.exists(), what="the end of the bells that came before")
        engine.race_to_death(*[[one] for one in decisions], failpoint="decided")
        wait_for_rest(engine)
    verdict = judge(engine, [one for plan, _ in proposed for one in engine.requests_of(plan)])
    check(verdict, most=0)
    return verdict


@pytest.mark.faults
def test_a_hundred_decided_by_who_died_before_the_bell_arrive_once(engine: Engine) -> None:
    assert decide_and_die(engine, plans=10).arrived == 100


@pytest.mark.faults
@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "not taken"])
def test_a_hundred_of_which_some_are_cut_off_in_mid_call(engine: Engine, is_taken: bool, record_property: Note) -> None:
    deaths = 6
    stall = engine.sink.misbehave(at="content", do="stall", accept=is_taken, times=deaths)
    with KeptJournals(engine) as journals, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(engine.cluster(workers=2, ENGINE_LANES="1"))
        ids = [one for _ in range(10) for one in engine.approved_mails(10)]
        kill_in_calls(engine, stalled=lambda: deaths - (stall.times or 0), deaths=deaths)
        wait_for_rest(engine)
        verdict = judge(engine, ids)
        record_property("verdict", str(verdict))
        check(verdict, most=1)
        assert verdict.uncertain.total() >= deaths
        assert uncertain_attempts(engine) <= journals.in_a_call()
