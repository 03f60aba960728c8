"""No sequence of acts breaks a promise: a Hypothesis state machine over the shipped services, on PostgreSQL.

MACHINE_RUNS, MACHINE_STEPS and MACHINE_SEED say how many runs, of how many steps, from which seed (printed).
"""

import os
import random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from execution.services import decisions, editing, lifecycle
from execution.states import Status
from tests.machine.model import POLICIES
from tests.machine.promises import Broken
from tests.machine.recorder import Answer
from tests.machine.rig import LEASE, Rig
from tests.machine.world import World
from workspaces.actors import resolve_actor
from workspaces.errors import NotFound, NotPermitted

RUNS = int(os.environ.get("MACHINE_RUNS", "200"))
LONG_RUNS = int(os.environ.get("MACHINE_RUNS", "10000"))
STEPS = int(os.environ.get("MACHINE_STEPS", "50"))
SHRINK = os.environ.get("MACHINE_SHRINK", "true") == "true"  # look for a shorter run that fails as well
SHARDS, LONG_SHARDS = 4, 32  # so that the processes of a test run share the work

ANYBODY = st.sampled_from(["rosa", "sam", "omar", "ada", "vic", "crm", "writer"])
APPROVERS = st.sampled_from(["rosa", "sam", "omar"])
ANSWERS = st.sampled_from([Answer.OK, Answer.OK, Answer.OK, *Answer])
POINTS = ["began", "called", "before_settle", "settled"]  # where a worker can die between two of its steps
ACTS = ["approve", "edit", "reject", "request_changes", "undo", "undo", "cancel"]
CHANGES: list[tuple[str, dict[str, Any]]] = [
    *(("set_mode", {"mode": mode}) for mode in ("live", "draft_only", "dry_run")),
    *(("switch", {"enabled": on}) for on in (True, False)),
    *(("set_undo", {"seconds": seconds}) for seconds in (0, 30)),
    *(("set_sole_operator", {"on": on}) for on in (True, False)),
    *(("publish", {"policy": name}) for name in POLICIES),
    *(("set_quorum", {"gate": "HR_LANG", "people": people}) for people in (1, 2)),
    *(("set_limit", {"count": count}) for count in (0, 1, 3, 50)),
    *(("set_active", {"name": name, "active": on}) for name in ("rosa", "sam") for on in (True, False)),
    *(("move_account", {"host": host}) for host in ("mail.example.org", "other.example.org")),
    *(("set_canary", {"above": above, "minutes": 60}) for above in (0, 1)),
    *(("set_absence", {"hours": hours}) for hours in (0, 1)),
    *(("look_in", {"name": name}) for name in ("sam", "ada")),
    ("stop_account", {}),
    ("resume_account", {}),
    ("suppress", {"name": "alice"}),
    ("suppress", {"name": "bob"}),
]


class EachOnItsOwn(HypothesisProvider):
    """Draws every run anew. By itself Hypothesis makes five of six from the one before, with a piece of it repeated."""


AVAILABLE_PROVIDERS["each_on_its_own"] = EachOnItsOwn


class Outreach(RuleBasedStateMachine):
    """People, agents, workers and mishaps in one workspace, in any order."""

    rig: Rig
    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.rig)

    @initialize(target=requests, settle_each=st.booleans())
    def something_is_proposed_already(self, settle_each: bool) -> UUID:
        self.rig.settle_after_each_call(settle_each)
        return self.world.propose()

    # People and agents.

    @rule(
        target=requests,
        by=st.sampled_from(["ada", "ada", "rosa", "crm", "writer"]),
        to=st.sampled_from(["alice", "bob"]),
        copy_to=st.sampled_from([None, None, None, "alice"]),
        due_in=st.sampled_from([None, None, None, None, -5.0, 40.0]),
        expires_in=st.sampled_from([None, None, None, None, 90.0, 4_000.0]),
    )
    def propose(self, by: str, to: str, copy_to: str | None, due_in: float | None, expires_in: float | None) -> Any:
        if not self.world.model.active.get(by, True):
            return multiple()
        return self.world.propose(
            by, to=to, copy_to=copy_to if copy_to != to else None, due_in=due_in, expires_in=expires_in
        )

    @rule(target=requests, to=st.sampled_from(["alice", "bob"]), count=st.integers(1, 3))
    def propose_and_approve(self, to: str, count: int) -> Any:
        made = [self.world.propose(to=to) for _ in range(count)]
        self.world.approve_together(made)
        return multiple(*made)

    @rule(target=requests, count=st.integers(2, 4), is_approved=st.booleans())
    def propose_a_plan(self, count: int, is_approved: bool) -> Any:
        self.world.propose_plan(count)
        if is_approved:
            self.world.approve_together(self.world.planned)
        return multiple(*self.world.planned)

    @rule(request=requests, by=APPROVERS)
    def approve(self, request: UUID, by: str) -> None:
        self.world.approve(request, by)

    @rule(by=APPROVERS)
    def approve_everything(self, by: str) -> None:
        for request in self.world.pending():
            self.world.approve(request, by)

    @rule(request=requests, by=ANYBODY, act=st.sampled_from(ACTS), flag=st.booleans())
    def somebody_acts(self, request: UUID, by: str, act: str, flag: bool) -> None:
        match act:
            case "approve":
                self.world.approve(request, by, stale=flag)
            case "edit":
                self.world.edit(request, by, words=flag)
            case _:
                getattr(self.world, act)(request, by)

    @rule(request=requests, by=APPROVERS, was_sent=st.booleans())
    def resolve(self, request: UUID, by: str, was_sent: bool) -> None:
        if self.world.status(request) == Status.UNCERTAIN:
            self.world.resolve(request, was_sent=was_sent, by=by)
        else:
            self.world.retry(request, by)

    @rule(request=requests, by=ANYBODY, answer=ANSWERS)
    def run_now(self, request: UUID, by: str, answer: Answer) -> None:
        self.world.run_now(request, by, answer=answer)

    @rule(request=requests, what=st.sampled_from(["to", "words", "bytes", "expires_at"]))
    def tamper(self, request: UUID, what: str) -> None:
        match what:
            case "words":
                self.world.tamper_with_words(request)
            case "bytes":
                self.world.tamper_with_bytes(request)
            case "to":
                self.world.tamper(request, "to", "mallory@example.org")
            case "expires_at":
                self.world.tamper(request, "expires_at", self.world.now())

    # What guards read.

    @rule(scope=st.sampled_from(["channel:email", "workspace", "account", "global", "channel:sms"]))
    def hold(self, scope: str) -> None:
        self.world.hold(self._scope(scope), by="omar")

    @precondition(lambda self: self.world.model.holds)
    @rule()
    def release(self) -> None:
        for scope in sorted(self.world.model.holds):
            self.world.release(scope)

    @rule(change=st.sampled_from(CHANGES))
    def something_changes(self, change: tuple[str, dict[str, Any]]) -> None:
        name, arguments = change
        getattr(self.world, name)(**arguments)

    @rule()
    def all_is_well_again(self) -> None:
        self.world.all_is_well()

    # Time, workers and the queue.

    @rule(seconds=st.sampled_from([1.0, 20.0, LEASE + 1, 3_700.0, 172_800.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.let_pass(seconds)

    @rule()
    def the_keeper_comes_round(self) -> None:
        self.world.recover()
        self.world.check()
        self.world.sweep()

    @rule(fresh=st.booleans(), manual=st.booleans(), which=st.integers(0, 1), steps=st.integers(1, 9), answer=ANSWERS)
    def a_worker_works(self, fresh: bool, manual: bool, which: int, steps: int, answer: Answer) -> None:
        self._work(fresh=fresh, manual=manual, which=which, steps=steps, answer=answer)

    @rule(which=st.integers(0, 1), steps=st.integers(1, 4), answer=ANSWERS)
    def a_worker_takes_steps(self, which: int, steps: int, answer: Answer) -> None:
        self._work(fresh=False, manual=False, which=which, steps=steps, answer=answer)

    def _work(self, *, fresh: bool, manual: bool, which: int, steps: int, answer: Answer) -> None:
        workers = self.world.workers
        if not workers or (fresh and len(workers) < 2):
            worker = self.world.worker(manual=manual)
        else:
            worker = workers[which % len(workers)]
        for _ in range(steps):
            if worker.is_over:
                return
            self.world.step(worker, answer)
            self.world.check()

    @precondition(lambda self: self.world.workers)
    @rule(which=st.integers(0, 1), how=st.sampled_from(["now", "stop", *POINTS]))
    def a_worker_ends(self, which: int, how: str) -> None:
        worker = self.world.workers[which % len(self.world.workers)]
        if how == "now":
            self.world.kill(worker)
        elif how == "stop":
            worker.stopping = True
        else:
            worker.dies_at = how

    @rule(answer=ANSWERS)
    def the_bell_rings_twice(self, answer: Answer) -> None:
        self.world.ring(answer)
        self.world.check()
        if self.world.ring(answer).claimed:
            raise Broken("P3", "the second delivery of a bell found something to do")

    # Somebody from another workspace (P12).

    @rule(request=requests, inside=st.booleans(), act=st.sampled_from(["approve", "edit", "cancel", "resolve"]))
    def a_stranger_tries(self, request: UUID, inside: bool, act: str) -> None:
        stranger = resolve_actor(label="human:otto", workspace=self.rig.other, via="python")
        where: dict[str, Any] = {"workspace": self.world.workspace if inside else self.rig.other, "actor": stranger}
        try:
            match act:
                case "approve":
                    decisions.approve(**where, request_id=request)
                case "edit":
                    editing.edit_request(**where, request_id=request)
                case "cancel":
                    lifecycle.cancel(**where, request_id=request)
                case "resolve":
                    lifecycle.resolve(**where, request_id=request, outcome="was_not_sent", reason="Mine.")
        except (NotPermitted, NotFound):
            return
        raise Broken("P12", f"a stranger could {act}")

    @invariant()
    def every_promise_holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            self.world.come_to_rest()
        finally:
            self.world.leave()

    def _scope(self, word: str) -> str:
        return {
            "workspace": f"workspace:{self.world.workspace.slug}",
            "account": f"account:{self.world.account.id}",
        }.get(word, word)


def _run(rig: Rig, *, runs: int, steps: int, number: int, backend: str = "hypothesis") -> None:
    Outreach.rig = rig
    print(f"MACHINE_SEED={number}: {runs} runs of {steps} steps")  # noqa: T201
    run_state_machine_as_test(
        seed(number)(Outreach),
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            backend=backend,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
            report_multiple_bugs=False,
            print_blob=True,
        ),
    )


def _seed() -> int:
    return int(os.environ.get("MACHINE_SEED") or random.SystemRandom().randrange(2**32))


@pytest.mark.race
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_sequence_of_acts_breaks_a_promise(rig: Rig, shard: int) -> None:
    _run(rig, runs=-(-RUNS // SHARDS), steps=STEPS, number=_seed() + shard)


@pytest.mark.race
@pytest.mark.faults
@pytest.mark.parametrize("shard", range(LONG_SHARDS))
def test_no_long_sequence_of_acts_breaks_a_promise(own_rig: Rig, shard: int) -> None:
    backend = "each_on_its_own" if shard % 2 else "hypothesis"
    _run(own_rig, runs=-(-LONG_RUNS // LONG_SHARDS), steps=STEPS, number=_seed() + shard, backend=backend)
