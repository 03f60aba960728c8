"""“Would it go now?” is answered by what stands before the send: whatever the state, the answer comes true.

PREFLIGHT_RUNS says how many states are tried.
"""

import os
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.engine.preflight import Preflight, preflight
from execution.models import ExecutionRequest
from execution.states import Status
from tests.machine.recorder import Answer
from tests.machine.rig import Rig
from tests.machine.scripts import Step, step
from tests.machine.world import World
from workspaces.scope import workspace_scope

RUNS = int(os.environ.get("PREFLIGHT_RUNS", "30"))
pytestmark = pytest.mark.race

# What can stand in the way: before it is proposed, and after it was approved.
BEFORE: list[Step] = [
    step("set_mode", mode="dry_run"),
    step("set_mode", mode="draft_only"),
    step("set_undo", seconds=30),
    step("publish", policy="forgetful"),
    step("publish", policy="two_gates"),
    step("set_limit", count=1, seconds=600),
    step("set_limit", count=0),
    step("warm_up", first_day=1),
    step("suppress", name="alice"),
]
AFTER: list[Step] = [
    step("hold", scope="channel:email"),
    step("hold", scope="channel:sms"),
    step("hold", scope="global", by="omar"),
    step("set_mode", mode="dry_run"),
    step("set_mode", mode="live"),
    step("switch", enabled=False),
    step("publish", policy="two_gates"),
    step("publish", policy="nobody"),
    step("set_quorum", gate="HR_LANG", people=2),
    step("set_limit", count=0),
    step("set_limit", count=50),
    step("suppress", name="alice"),
    step("suppress", name="bob"),
    step("set_active", name="rosa", active=False),
    step("stop_account"),
    step("move_account", host="other.example.org"),
    step("let_pass", seconds=31.0),
    step("let_pass", seconds=3_600.0),
    step("undo"),
    step("cancel"),
    step("edit"),
    step("tamper", column="to", value="mallory@example.org"),
    step("tamper_with_words"),
    step("tamper_with_bytes"),
]
NUMBERS = st.lists(st.integers(0, len(AFTER) - 1), max_size=3, unique=True)


def ask(world: World, request_id: UUID, *, manual: bool) -> Preflight:
    with workspace_scope(world.workspace):
        row = ExecutionRequest.objects.select_related("workspace").get(pk=request_id)
    return preflight(request=row, manual=manual)


def try_it(world: World, request_id: UUID, *, manual: bool) -> bool:
    """Whether a drain carries it out now: “Run now”, or a bell."""
    world.run(world.worker(manual=manual, only=[request_id] if manual else None))
    return world.status(request_id) == Status.SUCCEEDED


def take(world: World, request_id: UUID, steps: list[Step]) -> None:
    for act, arguments in steps:
        method = getattr(world, act)
        needs_request = act in ("undo", "cancel", "edit") or act.startswith("tamper")
        method(*([request_id] if needs_request else []), **arguments)
        world.check()


@settings(max_examples=RUNS, database=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.lists(st.integers(0, len(BEFORE) - 1), max_size=2, unique=True),
    after=NUMBERS,
    to=st.sampled_from(["bob", "alice"]),
    copy_to=st.sampled_from([None, None, "alice"]),
    due_in=st.sampled_from([None, None, None, -5.0, 3_600.0]),
    expires_in=st.sampled_from([None, None, 3_700.0, 30.0]),
    is_approved=st.sampled_from([True, True, True, True, False]),
    last_try=st.sampled_from([None, None, None, Answer.BUSY, Answer.SLOW_DOWN, Answer.LOST_UNANSWERED]),
    one_went=st.booleans(),
    manual=st.booleans(),
)
def test_the_answer_comes_true_now_and_at_its_time(
    rig: Rig,
    before: list[int],
    after: list[int],
    to: str,
    copy_to: str | None,
    due_in: float | None,
    expires_in: float | None,
    is_approved: bool,
    last_try: Answer | None,
    one_went: bool,
    manual: bool,
) -> None:
    world = World(rig)
    try:
        if one_went:
            _approve(world, world.propose())
            world.ring()
            world.check()
        for number in before:
            take(world, UUID(int=0), [BEFORE[number]])
        expires = expires_in if expires_in is None or due_in is None or due_in < expires_in else None
        request = world.propose(to=to, copy_to=copy_to if to == "bob" else None, due_in=due_in, expires_in=expires)
        world.check()
        if is_approved:
            _approve(world, request)
        if last_try:
            world.ring(last_try)
            world.check()
        for number in after:
            take(world, request, [AFTER[number]])
        _hold_to_its_word(world, request, manual=manual)
    finally:
        world.release_everything()
        world.leave()


def _approve(world: World, request: UUID) -> None:
    for name in ("rosa", "sam"):
        world.approve(request, name)
        world.check()


def _hold_to_its_word(world: World, request: UUID, *, manual: bool) -> None:
    told = ask(world, request, manual=manual)
    why = [(check.name, check.detail) for check in told.checks if not check.ok]
    assert (not why) is told.would_send
    if world.status(request) == Status.SUCCEEDED:
        assert not told.would_send
        return
    if told.would_send:
        assert told.earliest == world.now()
        assert try_it(world, request, manual=manual), "it said that it would go, and it did not"
        return
    if told.earliest is None:
        assert not try_it(world, request, manual=manual), why
        return
    wait = told.earliest - world.now()
    assert wait > timedelta(0)
    # A moment before that time it does not go, and asking or trying changes nothing about when it does.
    world.let_pass((wait - timedelta(seconds=0.5)).total_seconds())
    assert not ask(world, request, manual=manual).would_send
    assert not try_it(world, request, manual=manual), why
    world.let_pass(0.5)
    again = ask(world, request, manual=manual)
    assert again.would_send, [(check.name, check.detail) for check in again.checks if not check.ok]
    assert try_it(world, request, manual=manual), f"it was to go at {told.earliest}, and did not"
