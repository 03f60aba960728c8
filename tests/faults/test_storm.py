"""A storm: any process of two clusters is killed every five seconds while work comes in.

STORM_SECONDS says for how long (600).
"""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from uuid import UUID

import pytest

from tests.faults.checker import judge, wait_for_rest
from tests.support.engine import Engine
from tests.support.processes import Running, wait_until

pytestmark = [pytest.mark.race, pytest.mark.faults]

SECONDS = float(os.environ.get("STORM_SECONDS", "600"))
KILL_EVERY = 5.0
A_SECOND = 5
BURST = 1_000
KEEPS = 0.8  # of its undisturbed rate, within a minute


class Clusters:
    """Two clusters; one whose supervisor was killed is started anew, as the host's init would."""

    def __init__(self, engine: Engine, stack: ExitStack) -> None:
        self._engine, self._stack = engine, stack
        self._running: list[Running] = []
        self.tend()

    def tend(self) -> None:
        self._running = [one for one in self._running if one.process.poll() is None]
        while len(self._running) < 2:
            self._running.append(self._stack.enter_context(self._engine.manage("cluster", "--workers", "2")))

    def kill_one(self, chance: random.Random) -> None:
        """Whichever process it is: a worker, the queue's guard, the keeper, a supervisor."""
        processes = self._engine.processes()
        if processes:
            try:
                os.kill(chance.choice(sorted(processes)), signal.SIGKILL)
            except ProcessLookupError:
                pass  # it had just ended


def rate_of_a_burst(engine: Engine, ids: list[UUID]) -> float:
    """Mails a second, from the approval to the last one's end."""
    begun = time.monotonic()
    ids += engine.approved_mails(BURST)
    wait_for_rest(engine, seconds=60)
    return BURST / (time.monotonic() - begun)


def test_it_survives_and_recovers(engine: Engine, record_property: Callable[[str, object], None]) -> None:
    seed = int(os.environ.get("STORM_SEED") or random.SystemRandom().randrange(2**32))
    chance = random.Random(seed)
    ids: list[UUID] = []
    with ExitStack() as stack:
        clusters = Clusters(engine, stack)
        wait_for_rest(engine)
        undisturbed = rate_of_a_burst(engine, ids)
        second = time.monotonic()
        ends, next_kill = second + SECONDS, second + KILL_EVERY
        while time.monotonic() < ends:
            ids += engine.approved_mails(A_SECOND)
            if time.monotonic() >= next_kill:
                clusters.kill_one(chance)
                next_kill += KILL_EVERY
            clusters.tend()
            second += 1
            wait_until(lambda due=second: time.monotonic() >= due, what="the next second")  # type: ignore[misc]
        wait_for_rest(engine, seconds=60)
        recovered = rate_of_a_burst(engine, ids)
        verdict = judge(engine, ids)
    record_property("seed", seed)
    record_property("verdict", f"{verdict}; {undisturbed:.0f}/s before, {recovered:.0f}/s after")
    print(f"STORM_SEED={seed} {SECONDS:.0f} s: {verdict}; {undisturbed:.0f}/s before, {recovered:.0f}/s after")  # noqa: T201
    assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
    assert recovered >= KEEPS * undisturbed
