"""What one database needs so that the engine can be run step by step in it, under a clock of ours."""

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.test import override_settings

from execution.engine import calling, lane, settle, watch, worker
from execution.providers import registry
from execution.services import credentials
from tests.builders import make_member, make_user, make_workspace
from tests.machine import ledger
from tests.machine.recorder import Answer, Call, Recorder, Service
from tests.machine.workers import Thread, worker_here
from tests.support.clock import SEARCH_PATH, StoppedClock
from workspaces.models import Role, Workspace

LEASE = 60.0  # seconds: long against a run, short against the time that tests let pass


@dataclass(slots=True, kw_only=True)
class Rig:
    """One database with its clock, its outside world, and threads for stepped workers."""

    clock: StoppedClock
    service: Service
    other: Workspace  # somebody else's
    threads: list[Thread]
    decrypted: list[str] = field(default_factory=list)
    # What the service says to calls that no stepped worker makes.
    answer: Answer = Answer.OK
    # Asked about each such call.
    on_call: Callable[[Call], None] = lambda call: None
    faults: list[str] = field(default_factory=list)

    def free_thread(self) -> Thread | None:
        return next((thread for thread in self.threads if not thread.busy), None)

    def settle_after_each_call(self, yes: bool) -> None:
        """Whether outcomes are settled after each call, or with the next mark."""
        lane.SETTLE_AFTER = -1.0 if yes else 1e9

    def advance(self, seconds: float) -> None:
        """Let time pass, for the database and for the hosts of the workers, whose leases it ends."""
        self.clock.advance(seconds)


@contextmanager
def prepared(*, url: str, folder: Path, thread_count: int = 2) -> Iterator[Rig]:
    """The rig in the database at `url`, which is the default one and nobody's but ours."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(ledger.SETUP)
        clock = StoppedClock(session.execute)
        name = connections["default"].settings_dict["NAME"]
        session.execute(f'ALTER DATABASE "{name}" SET search_path = {SEARCH_PATH}')
        connection.close()  # the next one has the search path
        rig = Rig(clock=clock, service=Service(), other=_somebody_else(), threads=[])
        rig.threads += [Thread() for _ in range(thread_count)]
        rig.service.script.before = lambda call: _answer(rig, call)
        rig.service.script.after = _after
        with pytest.MonkeyPatch.context() as patch, _settings(folder), _registered(rig.service):
            _take_hold(patch, rig)
            gc.freeze()  # thousands of steps, in each of which the framework's objects would be gone through
            try:
                yield rig
            finally:
                for thread in rig.threads:
                    thread.close()


def _answer(rig: Rig, call: Call) -> Answer:
    if connection.in_atomic_block:
        rig.faults.append(f"{call.act.request_id} was called with a transaction open")
    stepped = worker_here()
    if stepped:
        return stepped.calling(call)
    try:
        rig.on_call(call)
    except AssertionError as broken:  # the engine would take it for an error of the provider
        rig.faults.append(str(broken))
    return rig.answer


def _after(call: Call) -> None:
    stepped = worker_here()
    if stepped:
        stepped.called(call)


def _take_hold(patch: pytest.MonkeyPatch, rig: Rig) -> None:
    """Steps and a clock that stands still, in place of milliseconds and chance: a run can be repeated exactly."""

    def reached(name: str) -> None:
        stepped = worker_here()
        if stepped:
            stepped.reached(name)

    def decrypt(stored: str) -> str:
        rig.decrypted.append(stored)
        return credentials.decrypt(stored)

    def backoff(*, tries: int) -> timedelta:
        return real_backoff(tries=tries, random_source=random.Random(tries))

    real_backoff = settle.backoff
    patch.setattr(lane, "reached", reached)
    patch.setattr(calling, "decrypt", decrypt)
    patch.setattr(settle, "backoff", backoff)
    patch.setattr(worker, "_boottime", lambda: rig.clock.seconds)
    # Holds are read before each call, and a chunk is as large as it may be.
    patch.setattr(watch, "OLD_AFTER", -1.0)
    patch.setattr(lane, "CHUNK_SECONDS", 1e9)
    patch.setattr(lane, "SETTLE_AFTER", 1e9)


def _settings(folder: Path) -> Any:
    return override_settings(
        LEASE_SECONDS=LEASE,
        JOURNAL_DIR=folder / "journal",
        AUDIT_CHECKPOINT=folder / "checkpoint.jsonl",
        DRY_RUN_LOG=folder / "dry-run.jsonl",
        EMAIL_URL="",
    )


def _registered(service: Service) -> Any:
    return registry.register_temporarily(Recorder(service))


def _somebody_else() -> Workspace:
    for name in ("omar", "rosa", "sam", "ada", "vic"):
        make_user(name, is_operator=name == "omar")
    other = make_workspace("other")
    make_member(other, "otto", role=Role.APPROVER)
    return other
