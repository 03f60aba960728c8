"""From an approval's commit to the provider's first sight of the mail, in an idle cluster: over ORM and over Redis.

The cluster is `manage.py cluster` as it ships. Both ends read the host's monotonic clock: this process when `approve`
has returned, the sink when it is told MAIL.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.installation import OTHER_CORE, Installation, free_port, installation, sink
from benchmarks.report import Figure, figure, percentile, skipped

TARGETS = {"orm": "< 250", "redis": "< 50"}
APART = 0.7  # seconds between two approvals, so that the cluster is idle before each


def measure(*, broker: str, approvals: int = 60, workers: int = 2) -> Iterator[Figure]:
    """Milliseconds: the median, and the 95th percentile that the target speaks of."""
    name = f"bell.{broker}"
    if broker == "orm":
        yield from _measured(name, "", approvals, workers)
        return
    with redis() as url:
        if not url:
            yield skipped(name, "No REDIS_URL is set, and there is no redis-server here.")
            return
        yield from _measured(name, url, approvals, workers)


def _measured(name: str, redis_url: str, approvals: int, workers: int) -> Iterator[Figure]:
    with installation(REDIS_URL=redis_url) as here:
        log = here.folder / "begun.txt"
        with sink(port=here.port, core=OTHER_CORE, log=log), cluster(here, workers):
            taken = [one_approval(here, log) for _ in range(approvals + 5)][5:]
    yield figure(f"{name}.median", taken, "ms", digits=1)
    target = TARGETS[name.rpartition(".")[2]]
    yield figure(f"{name}.p95", [percentile(taken, 0.95)], "ms", digits=1, target=target, approvals=approvals)


def one_approval(here: Installation, log: Path) -> float:
    """Milliseconds from one approval to its mail."""
    from execution import propose
    from execution.services import decisions
    from workspaces.ids import new_id

    workspace = here.cast.workspace
    request = propose(
        workspace=workspace,
        actor=here.cast.ada,
        channel="email",
        to=f"{new_id().hex}@example.org",
        payload={"subject": "The hearing", "text": "Dear reader,\nplease come."},
    )
    time.sleep(APART)
    known = _lines(log)
    decisions.approve(workspace=workspace, actor=here.cast.rosa, request_id=request.id, digest=request.digest)
    approved, until = time.monotonic(), time.monotonic() + 90
    while len(lines := _lines(log)) == len(known):
        if time.monotonic() > until:
            raise RuntimeError("An approved mail did not reach the sink within 90 s.")
        time.sleep(0.002)
    return (float(lines[len(known)]) - approved) * 1e3


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


@contextmanager
def cluster(here: Installation, workers: int, command: str = "cluster") -> Iterator["subprocess.Popen[bytes]"]:
    """`manage.py cluster` (or `up`) of this installation, once its queue has started."""
    import sys

    root, log = Path(__file__).resolve().parents[1], here.folder / "cluster.log"
    environment = {**os.environ, "LOG_LEVEL": "INFO", "PORT": str(free_port()), "HOST": "127.0.0.1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", command, "--workers", str(workers)],
            env=environment,
            cwd=root,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + 90
        while "queue started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"The cluster did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


@contextmanager
def redis() -> Iterator[str]:
    """The Redis of REDIS_URL, else one of our own without persistence, else none."""
    given, found = os.environ.get("REDIS_URL"), shutil.which("redis-server")
    if given or not found:
        yield given or ""
        return
    port = free_port()
    process = subprocess.Popen(
        [found, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()
