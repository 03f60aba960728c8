"""How workers are killed in the midst of their work, and what their journals said when they died."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from execution.models import Attempt, AttemptState, Worker
from tests.support.engine import Engine
from tests.support.processes import alive, wait_until
from workspaces.scope import workspace_scope


class KeptJournals:
    """Every journal that a worker keeps during the block, also after a recovery took it away."""

    def __init__(self, engine: Engine) -> None:
        self._journals, self._kept = engine.folder / "journal", engine.folder / "kept"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="journals", daemon=True)

    def _watch(self) -> None:
        # What a dead worker leaves stays for the length of its lease, which is a hundred times as long.
        while not self._over.wait(0.02):
            for path in self._journals.glob("*.journal"):
                try:
                    os.link(path, self._kept / path.name)
                except (FileExistsError, FileNotFoundError):
                    continue  # it is kept already, or was over before it mattered

    def in_a_call(self) -> set[UUID]:
        """The attempts that were begun and of which no end was noted."""
        return {attempt for path in self._kept.glob("*.journal") for attempt in open_calls(path)}

    def __enter__(self) -> Self:
        self._kept.mkdir()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


def open_calls(journal: Path) -> set[UUID]:
    """The attempts that a journal has as begun and not as ended. Nothing where it is gone."""
    try:
        words = [line.split(b" ", 2) for line in journal.read_bytes().split(b"\n")[:-1]]
    except FileNotFoundError:
        return set()
    begun, ended = ({UUID(word[1].decode()) for word in words if word[0] == kind} for kind in (b"B", b"E"))
    return begun - ended


def uncertain_attempts(engine: Engine) -> set[UUID]:
    """The attempts whose outcome is shown as unknown."""
    with workspace_scope(engine.cast.workspace):
        return set(Attempt.objects.filter(state=AttemptState.UNCERTAIN).values_list("id", flat=True))


def one_died() -> bool:
    """Whether a worker was killed."""
    return any(not alive(pid) for pid in Worker.objects.values_list("pid", flat=True))


def kill_in_calls(engine: Engine, *, stalled: Callable[[], int], deaths: int) -> None:
    """SIGKILL for every worker that waits for an answer, until `deaths` calls were stalled and their callers killed."""
    for number in range(1, deaths + 1):
        wait_until(lambda at_least=number: stalled() >= at_least, what="a call without an answer")  # type: ignore[misc]
        ours = set(engine.processes())
        for pid, journal in Worker.objects.filter(ended_at=None).values_list("pid", "journal"):
            if pid in ours and open_calls(Path(journal)):
                os.kill(pid, signal.SIGKILL)
