"""`manage.py cluster` with real processes on PostgreSQL: no death of a process goes unnoticed, and work goes on."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django_q.models import OrmQ
from django_q.tasks import async_task

from tests.support.processes import (
    Running,
    alive,
    descendants,
    manage_environment,
    running_manage,
    wait_until,
)
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.slow

StartCluster = Callable[..., Running]


@pytest.fixture
def start_cluster(live_db: str, tmp_path: Path) -> Iterator[StartCluster]:
    """Start a cluster of two workers on this test's database, once it has done a task."""
    with ExitStack() as stack:

        def start(**environment_too: str) -> Running:
            environment = manage_environment(live_db, tmp_path, SHUTDOWN_GRACE_SECONDS="10", **environment_too)
            command = running_manage("cluster", "--workers", "2", environment=environment, log=tmp_path / "log")
            cluster = stack.enter_context(command)
            wait_until(lambda: "queue started" in cluster.output() or cluster.process.poll() is not None)
            assert cluster.process.poll() is None, cluster.output()
            run_task(tmp_path, f"first-{cluster.pid}")
            return cluster

        yield start


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as url:
        yield url


def lines(folder: Path, beginning: str) -> list[list[str]]:
    """The notes of tests.support.queue_tasks that begin so, split into words."""
    path = folder / "tasks"
    return (
        [line.split() for line in path.read_text().splitlines() if line.startswith(beginning)] if path.exists() else []
    )


def run_task(folder: Path, name: str) -> None:
    """Queue a task and wait until a worker has done it."""
    async_task("tests.support.queue_tasks.quick", str(folder), name)
    wait_until(lambda: lines(folder, f"ended {name} "), what=f"task {name}")


def begin_task(folder: Path, name: str, *, seconds: float) -> int:
    """Queue a task that runs for `seconds`, wait until it has begun, and return its worker's process id."""
    async_task("tests.support.queue_tasks.long", str(folder), name, seconds)
    wait_until(lambda: lines(folder, f"began {name} "), what=f"the begin of {name}")
    return int(lines(folder, f"began {name} ")[0][2])


def group_leader(cluster: Running) -> int:
    """The process that guards the queue's processes now."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(cluster.pid)], capture_output=True, text=True, check=True
    )
    found = [int(line.split()[0]) for line in listed.stdout.splitlines() if "queue_group" in line]
    assert len(found) == 1, listed.stdout
    return found[0]


def test_killed_idle_workers_do_not_hang_the_queue(start_cluster: StartCluster, tmp_path: Path):
    cluster = start_cluster()
    leader = group_leader(cluster)
    # django-q2 alone: one of these, the one that holds the queue's lock, stops the queue for good.
    for pid in descendants(leader)[:2]:
        os.kill(pid, signal.SIGKILL)
    # More than fit into the queue in memory: none may be lost on the way.
    for number in range(6):
        async_task("tests.support.queue_tasks.quick", str(tmp_path), f"after-{number}")
    wait_until(lambda: len(lines(tmp_path, "ended after")) == 6, what="the tasks after the kill")
    assert "was killed by SIGKILL" in cluster.output()


def test_a_killed_worker_leaves_the_others_time_to_finish(start_cluster: StartCluster, tmp_path: Path):
    cluster = start_cluster()
    busy = begin_task(tmp_path, "busy", seconds=60)
    victim = begin_task(tmp_path, "victim", seconds=60)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: lines(tmp_path, f"ended busy {busy}"), what="the end of the other worker's task")
    run_task(tmp_path, "after")
    assert not lines(tmp_path, "ended victim")
    assert cluster.process.poll() is None


def test_a_killed_guard_is_replaced_and_its_workers_finish(start_cluster: StartCluster, tmp_path: Path):
    cluster = start_cluster()
    busy = begin_task(tmp_path, "busy", seconds=60)
    os.kill(group_leader(cluster), signal.SIGKILL)
    wait_until(lambda: lines(tmp_path, f"ended busy {busy}"), what="the end of the task in flight")
    run_task(tmp_path, "after")
    wait_until(lambda: not alive(busy), what="the end of the old worker")


def test_stopped_workers_are_noticed_and_replaced(start_cluster: StartCluster, tmp_path: Path):
    cluster = start_cluster()
    for pid in descendants(group_leader(cluster)):
        os.kill(pid, signal.SIGSTOP)
    run_task(tmp_path, "after")
    # Which of the two depends on where the signal found them.
    assert re.search(r"replaced: (nothing passes from the queue|worker \d+ keeps the lock)", cluster.output())


def test_a_killed_cluster_leaves_no_process_and_lets_none_begin(start_cluster: StartCluster, tmp_path: Path):
    cluster = start_cluster()
    busy = begin_task(tmp_path, "busy", seconds=60)
    everyone = descendants(cluster.pid)
    cluster.signal(signal.SIGKILL)
    async_task("tests.support.queue_tasks.quick", str(tmp_path), "too late")
    wait_until(lambda: not any(alive(pid) for pid in everyone), seconds=15, what="the end of all")
    assert lines(tmp_path, f"ended busy {busy}")
    assert OrmQ.objects.exists()


def test_a_stop_finishes_what_has_begun_and_hands_back_the_rest(start_cluster: StartCluster, tmp_path: Path):
    cluster = start_cluster()
    for name in ("one", "two"):
        begin_task(tmp_path, name, seconds=60)
    for number in range(4):
        async_task("tests.support.queue_tasks.quick", str(tmp_path), f"waiting-{number}")
    everyone = descendants(cluster.pid)
    cluster.signal(signal.SIGTERM)
    assert cluster.wait() == 0
    assert not any(alive(pid) for pid in everyone)
    assert len(lines(tmp_path, "ended one")) == len(lines(tmp_path, "ended two")) == 1
    start_cluster()
    wait_until(lambda: len(lines(tmp_path, "ended waiting")) == 4, what="the waiting tasks")


def test_redis_carries_the_tasks_past_a_killed_worker_and_a_stop(
    start_cluster: StartCluster, redis_url: str, tmp_path: Path
):
    cluster = start_cluster(REDIS_URL=redis_url)
    os.kill(descendants(group_leader(cluster))[0], signal.SIGKILL)
    run_task(tmp_path, "after-the-kill")
    for name in ("one", "two"):
        begin_task(tmp_path, name, seconds=60)
    async_task("tests.support.queue_tasks.quick", str(tmp_path), "waiting")
    cluster.signal(signal.SIGTERM)
    assert cluster.wait() == 0
    start_cluster(REDIS_URL=redis_url)
    wait_until(lambda: lines(tmp_path, "ended waiting"), what="the task that waited")


def test_a_second_cluster_on_sqlite_is_refused(tmp_path: Path):
    environment = manage_environment(f"sqlite:///{tmp_path / 'db.sqlite3'}", tmp_path)
    with ExitStack() as stack:
        migrate = stack.enter_context(
            running_manage("migrate", "--verbosity", "0", environment=environment, log=tmp_path / "migrate")
        )
        assert migrate.wait() == 0, migrate.output()
        # The daemon is the cluster by another name.
        first = stack.enter_context(running_manage("daemon", environment=environment, log=tmp_path / "first"))
        wait_until(lambda: "queue started" in first.output(), what="the first cluster")
        second = stack.enter_context(running_manage("cluster", environment=environment, log=tmp_path / "second"))
        assert second.wait() != 0
        assert "SQLite can have only one" in second.output()


def test_a_cluster_on_a_database_that_is_not_migrated_is_refused(tmp_path: Path):
    environment = manage_environment(f"sqlite:///{tmp_path / 'db.sqlite3'}", tmp_path)
    with running_manage("cluster", environment=environment, log=tmp_path / "log") as cluster:
        assert cluster.wait() != 0
        assert "manage.py migrate" in cluster.output()
