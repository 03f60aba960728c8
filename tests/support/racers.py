"""Many processes that do something at the same moment: `python -m tests.support.racers FILE`, then a process each.

FILE holds {"racers": [[act, ...], ...]}: each racer is a process of its own, with a database connection of its own,
and does its acts in order; before the first, the second ... act all of them wait for one another. An act is {"call":
"module:function", "kwargs": {...}} and, where the function takes them, "workspace" (a slug) and "actor" (a label such
as human:rosa); None makes a racer sit a round out. Each act leaves a line in FILE.out: how it ended, from when to when.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import django

from tests.support.processes import running, wait_until

Act = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one act ended: `error` is the name of what it raised, empty where nothing."""

    racer: int
    round: int
    error: str
    detail: str
    began: float
    ended: float


def act(call: str, *, workspace: str = "", actor: str = "", **kwargs: Any) -> Act:
    """One act of a racer."""
    return {"call": call, "workspace": workspace, "actor": actor, "kwargs": kwargs}


def race(
    racers: Sequence[Sequence[Act | None]],
    *,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float = 120,
    dying: bool = False,
) -> list[Ended]:
    """Have them race, and say how every act ended, in no order. dying: SIGKILL ends each of them in its first act."""
    file = folder / f"race-{time.monotonic_ns()}.json"
    file.write_text(json.dumps({"racers": [list(acts) for acts in racers]}))
    command = [sys.executable, "-m", "tests.support.racers", str(file)]
    with running(command, environment=environment, log=file.with_suffix(".log")) as process:
        status, out = process.wait(seconds=seconds), file.with_suffix(".out")
        told = out.read_text() if out.exists() else ""
        assert status == (signal.SIGKILL if dying else 0), f"{process.output()}{told}"
    lines = told.splitlines()
    ended = [Ended(**json.loads(line)) for line in lines]
    expected = 0 if dying else sum(1 for acts in racers for one in acts if one)
    assert len(ended) == expected, f"{len(ended)} of {expected} acts ended: {process.output()}"
    return ended


def drain_until_all_is_sent(*, slug: str, seconds: float = 120) -> None:
    """Something for a racer: drain again and again until no request of the workspace waits to go out."""
    from execution.engine.drain import drain
    from execution.models import ExecutionRequest
    from execution.states import Status
    from workspaces.models import Workspace
    from workspaces.scope import workspace_scope

    workspace = Workspace.objects.get(slug=slug)

    def none_left() -> bool:
        drain(manual=True, lanes=1)
        with workspace_scope(workspace):
            waiting = ExecutionRequest.objects.filter(status__in=[Status.APPROVED, Status.DISPATCHING])
            return not waiting.exists()

    wait_until(none_left, seconds=seconds, what="the last mail")


def _perform(one: Act) -> None:
    from workspaces.actors import resolve_actor
    from workspaces.models import Workspace

    module, _, name = one["call"].partition(":")
    kwargs = dict(one["kwargs"])
    workspace = Workspace.objects.get(slug=one["workspace"]) if one["workspace"] else None
    if workspace:
        kwargs["workspace"] = workspace
    if one["actor"]:
        kwargs["actor"] = resolve_actor(label=one["actor"], workspace=workspace, via="python")
    getattr(import_module(module), name)(**kwargs)


def _run(number: int, acts: Sequence[Act | None], ready: Barrier, out: int) -> None:
    from django.db import connection

    connection.ensure_connection()
    for place, one in enumerate(acts):
        ready.wait(120)
        if one is None:
            continue
        began, error, detail = time.time(), "", ""
        try:
            _perform(one)
        except Exception as raised:  # noqa: BLE001  (how it ended is what is asked for)
            error, detail = type(raised).__name__, str(raised)
        ended = {"racer": number, "round": place, "error": error, "detail": detail, "began": began}
        os.write(out, json.dumps({**ended, "ended": time.time()}).encode() + b"\n")


def _main(file: Path) -> None:
    django.setup()
    from django.db import connections

    racers = json.loads(file.read_text())["racers"]
    for one in (one for acts in racers for one in acts if one):
        import_module(one["call"].partition(":")[0])
    connections.close_all()
    out = os.open(file.with_suffix(".out"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    rounds = max(len(acts) for acts in racers)
    # Nothing but this thread runs here, so that a fork is safe, and costs none of the seconds that Django takes.
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(len(racers))
    started = [
        fork.Process(target=_run, args=(number, [*acts, *[None] * (rounds - len(acts))], ready, out))
        for number, acts in enumerate(racers)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    # The number of the signal that ended every one of them; 0 where all ended well.
    statuses = {process.exitcode or 0 for process in started}
    sys.exit(-statuses.pop() if len(statuses) == 1 else 1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
