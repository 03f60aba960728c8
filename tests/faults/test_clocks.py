"""A cluster whose clock is wrong by 90 seconds, beside one whose clock is right: the database's clock decides."""

import shutil
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from execution.models import Attempt, AttemptState
from execution.services.windows import set_window
from execution.states import Status
from tests.builders import make_contact
from tests.faults.checker import all_took_part, judge, wait_for_rest
from tests.support.engine import Engine
from tests.support.processes import ROOT, wait_until
from workspaces.clock import database_now
from workspaces.scope import workspace_scope

pytestmark = [pytest.mark.race, pytest.mark.faults]

OFF_BY = 90.0
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def with_clock(offset: float) -> dict[str, str]:
    """The environment of processes whose wall clock is that many seconds ahead; skips where it cannot be had."""
    if not LIBRARIES or not shutil.which("faketime"):
        pytest.skip("This machine has no faketime (Debian: apt-get install faketime).")
    environment = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME": f"{offset:+.0f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # the wall clock alone, as where NTP is wrong
        "PYTHONPATH": str(ROOT / "tests" / "support" / "faked_clock"),
    }
    told = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"], env=environment, capture_output=True, check=True
    )
    assert abs(float(told.stdout) - datetime.now(UTC).timestamp() - offset) < 10, (
        "faketime does not move the clock here"
    )
    return environment


def given_back(engine: Engine) -> Counter[str]:
    """Why marked requests were not begun, and how many."""
    with workspace_scope(engine.cast.workspace):
        return Counter(Attempt.objects.filter(state=AttemptState.NOT_BEGUN).values_list("error", flat=True))


@pytest.mark.parametrize("offset", [OFF_BY, -OFF_BY], ids=["ahead", "behind"])
def test_nobody_takes_over_from_a_worker_that_lives(engine: Engine, offset: float) -> None:
    clock = with_clock(offset)
    engine.sink.misbehave(at="content", do="delay", seconds=0.1)
    # One that no busy machine lets run out, and still far less than the clock is wrong by.
    usual = {"ENGINE_LANES": "1", "LEASE_SECONDS": "15"}
    with ExitStack() as stack:
        right = stack.enter_context(engine.cluster(workers=2, **usual))
        wrong = stack.enter_context(engine.cluster(workers=2, **usual, **clock))
        ids = [one for _ in range(20) for one in engine.approved_mails(10)]
        wait_for_rest(engine)
        assert all_took_part(engine, [right, wrong])
    verdict = judge(engine, ids)
    assert verdict.arrived == len(ids), verdict
    assert (verdict.doubled, verdict.lost, verdict.uncertain.total()) == (frozenset(), frozenset(), 0), verdict
    assert given_back(engine) == Counter()


def earliest_mark(engine: Engine) -> datetime:
    with workspace_scope(engine.cast.workspace):
        return Attempt.objects.order_by("marked_at").values_list("marked_at", flat=True)[0]


def test_what_is_scheduled_goes_when_the_database_says(engine: Engine) -> None:
    clock = with_clock(OFF_BY)
    with engine.cluster(workers=2, **clock):
        due = database_now() + timedelta(seconds=15)
        ids = engine.approved_mails(10, scheduled_for=due)
        wait_for_rest(engine)
    assert earliest_mark(engine) >= due
    assert judge(engine, ids).arrived == len(ids)


def an_hour_from_soon(engine: Engine) -> datetime:
    """Let mails go for an hour from the returned moment on: a whole minute in 30 to 90 seconds, which the wrong clock
    has passed already.
    """
    opens = (database_now() + timedelta(seconds=OFF_BY)).astimezone(UTC).replace(second=0, microsecond=0)
    end = opens + timedelta(hours=1)
    closes = end.time() if end.date() == opens.date() else time()  # a window does not go on past midnight
    cast = engine.cast
    set_window(workspace=cast.workspace, actor=cast.omar, channel="email", opens=opens.time(), closes=closes)
    return opens


def test_quiet_hours_end_when_the_database_says(engine: Engine) -> None:
    clock = with_clock(OFF_BY)
    opens = an_hour_from_soon(engine)
    for place in range(10):
        make_contact(engine.cast.workspace, email=f"reader{place}@example.org", time_zone="UTC")
    ids = engine.approved_mails(10)
    with engine.cluster(workers=2, **clock):
        wait_until(lambda: engine.with_status(Status.SUCCEEDED) == set(ids), seconds=180, what="the opening")
    assert earliest_mark(engine) >= opens
    assert judge(engine, ids).arrived == len(ids)
