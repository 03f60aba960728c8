"""A Redis of a test's own, through which the bells of this process go too while it runs."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from django_q import tasks
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf

from config.keys import free_port
from tests.support.processes import running, wait_until


@contextmanager
def redis_server(folder: Path, *, hosts: Sequence[str] = ("127.0.0.1",)) -> Iterator[str]:
    """Its URL on the last of `hosts`, where it listens. The test is skipped where the machine has no redis-server."""
    if not shutil.which("redis-server"):
        pytest.skip("This machine has no redis-server.")
    port, log = free_port(), folder / "redis"
    command = ["redis-server", "--port", str(port), "--bind", *hosts, "--save", "", "--dir", str(folder)]
    with (
        running([*command, "--protected-mode", "no"], environment=os.environ, log=log),
        pytest.MonkeyPatch.context() as patch,
    ):
        wait_until(lambda: "Ready to accept connections" in log.read_text(), what="Redis")
        patch.setattr(Conf, "REDIS", f"redis://{hosts[0]}:{port}/0")
        patch.setattr(tasks, "get_broker", lambda list_key=None: Redis(Conf.PREFIX))
        yield f"redis://{hosts[-1]}:{port}/0"
