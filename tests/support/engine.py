"""One installation of a test's own: a database, a folder, a mail server, and the engine's processes as they ship."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.test import override_settings

from execution import propose_plan
from execution.engine.drain import DrainResult, drain
from execution.engine.recover import recover_dead_workers
from execution.models import ExecutionPlan, ExecutionRequest, Verdict, Worker
from execution.selectors import in_flight
from execution.services.decisions import decide_plan, plan_digest
from execution.services.limits import set_limit
from execution.states import Status
from execution.types import Proposal
from tests.builders import Cast, make_cast
from tests.support.processes import Running, manage_environment, running_manage, wait_until
from tests.support.racers import Act, Ended, race
from tests.support.servers import WatchedSink
from workspaces.actors import system_actor
from workspaces.scope import workspace_scope
from workspaces.settings_store import set_setting

_MARK = "TEST_INSTALLATION"
LEASE_SECONDS = 2.0


def a_mail(to: str, **more: Any) -> Proposal:
    """A mail to that address."""
    payload = {"subject": f"A hearing, {to}", "text": "Dear reader,\nplease come."}
    return Proposal(channel="email", to=to, payload=payload, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """See the module. `drain` and `recover` work in the test's own process, which is another than those it kills."""

    url: str
    folder: Path
    sink: WatchedSink
    cast: Cast
    mark: str

    def environment(self, **more: str) -> dict[str, str]:
        """What a process of this installation is started with."""
        usual = {
            "EMAIL_URL": f"smtp://{self.sink.host}:{self.sink.port}",
            "LEASE_SECONDS": str(LEASE_SECONDS),
            _MARK: self.mark,
        }
        return manage_environment(self.url, self.folder, **{**usual, **more})

    def manage(self, *words: str, within: Sequence[str] = (), **environment: str) -> AbstractContextManager[Running]:
        """`manage.py WORDS`, ended with the block. within: a command that runs another one somewhere else."""
        log = self.folder / f"{words[0]}-{uuid.uuid4().hex[:6]}.log"
        return running_manage(*words, environment=self.environment(**environment), log=log, within=within)

    @contextmanager
    def cluster(self, *, workers: int, within: Sequence[str] = (), **environment: str) -> Iterator[Running]:
        """`manage.py cluster` once its queue works."""
        with self.manage("cluster", "--workers", str(workers), within=within, **environment) as cluster:
            wait_until(
                lambda: "queue started" in cluster.output() or cluster.process.poll() is not None,
                seconds=90,
                what="the cluster's start",
            )
            assert cluster.process.poll() is None, cluster.output()
            yield cluster

    def race(self, *racers: Sequence[Act | None], seconds: float = 180) -> list[Ended]:
        """A process each, all at once (tests.support.racers)."""
        return race(racers, environment=self.environment(), folder=self.folder, seconds=seconds)

    def race_to_death(self, *racers: Sequence[Act | None], failpoint: str, seconds: float = 180) -> None:
        """As `race`, but all of them die by SIGKILL at that step, and none gets to the end of an act."""
        environment = self.environment(FAILPOINT=f"{failpoint}:kill")
        race(racers, environment=environment, folder=self.folder, seconds=seconds, dying=True)

    def planned(self, items: Sequence[Proposal]) -> tuple[ExecutionPlan, str]:
        """A plan of Ada's that waits for a decision, and its digest."""
        workspace = self.cast.workspace
        plan = propose_plan(workspace=workspace, actor=self.cast.ada, title="A plan", items=items)
        with workspace_scope(workspace):
            return plan, plan_digest(plan=plan)

    def approved(self, items: Sequence[Proposal]) -> list[UUID]:
        """The requests of a plan that Ada proposed and Rosa approved."""
        workspace = self.cast.workspace
        plan, digest = self.planned(items)
        decided = decide_plan(
            workspace=workspace, actor=self.cast.rosa, plan_id=plan.pk, verdict=Verdict.APPROVE, digest=digest
        )
        assert decided.decided == len(items), decided.skipped
        return self.requests_of(plan)

    def approved_mails(self, number: int, *, domain: str = "example.org", **more: Any) -> list[UUID]:
        """That many mails to as many people, in one approved plan."""
        return self.approved([a_mail(f"reader{place}@{domain}", **more) for place in range(number)])

    def requests_of(self, plan: ExecutionPlan) -> list[UUID]:
        """The requests of a plan, in their order."""
        with workspace_scope(self.cast.workspace):
            return list(ExecutionRequest.objects.filter(plan=plan).order_by("id").values_list("id", flat=True))

    def drain(self, **more: Any) -> DrainResult:
        """Perform what is due, here."""
        return drain(manual=True, **more)

    def recover(self) -> None:
        """Wait until the leases of dead workers are over, and take over what they left."""

        def none_left() -> bool:
            recover_dead_workers()
            return not Worker.objects.filter(ended_at=None).exists()

        wait_until(none_left, what="the recovery of dead workers")

    def read(self, request_id: UUID) -> ExecutionRequest:
        """A request as it stands."""
        with workspace_scope(self.cast.workspace):
            return ExecutionRequest.objects.select_related("current").get(pk=request_id)

    def with_status(self, status: Status) -> set[UUID]:
        """The requests in that state."""
        with workspace_scope(self.cast.workspace):
            return set(ExecutionRequest.objects.filter(status=status).values_list("id", flat=True))

    def in_flight(self) -> int:
        """How many are being carried out, as the dashboard shows it."""
        with workspace_scope(self.cast.workspace):
            return in_flight(workspace=self.cast.workspace)

    def sql(self, statement: str, *values: Any) -> None:
        """Behind Django, as the database's superuser."""
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    def processes(self) -> list[int]:
        """The processes started for this installation that still run, and whatever these started."""
        mark = f"{_MARK}={self.mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0") and _runs(folder):
                    found.append(int(folder.name))
            except OSError:
                continue  # it ended, or is somebody else's
        return found


def _runs(folder: Path) -> bool:
    return (folder / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


@contextmanager
def installation(*, url: str, folder: Path, mode: str = "live", host: str = "127.0.0.1") -> Iterator[Engine]:
    """The installation in the database at `url`, which is the default one; nothing of it is left at the end.

    host: the address of this machine on which its mail server listens.
    """
    with WatchedSink(log=folder / "sink.jsonl", host=host) as sink:
        settings = override_settings(
            EMAIL_URL=f"smtp://{sink.host}:{sink.port}",
            LEASE_SECONDS=LEASE_SECONDS,
            VAR_DIR=folder,
            JOURNAL_DIR=folder / "journal",
            AUDIT_CHECKPOINT=folder / "audit-checkpoint.jsonl",
            DRY_RUN_LOG=folder / "dry-run-log.jsonl",
        )
        with settings:
            cast = make_cast(mode=mode)
            set_limit(workspace=cast.workspace, actor=system_actor("tests"), name="email_send", count=1_000_000)
            # What is tested here is how much goes out; tests/execution/test_canary.py has the plans that begin slowly.
            set_setting(key="canary_above", value=0, workspace=cast.workspace, actor=system_actor("tests"))
            engine = Engine(url=url, folder=folder, sink=sink, cast=cast, mark=uuid.uuid4().hex)
            try:
                yield engine
                # What was killed is gone a moment later.
                wait_until(lambda: not engine.processes(), seconds=20, what="the end of every process of this test")
            finally:
                for pid in engine.processes():
                    os.kill(pid, signal.SIGKILL)


def wait_for(count: Callable[[], int], *, at_least: int, seconds: float = 60, what: str) -> None:
    """Wait until something has been counted that often."""
    wait_until(lambda: count() >= at_least, seconds=seconds, what=what)
