"""Hosts of a test's own: each has a network of its own on a common bridge, and a name of its own. Root only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

HERE = "10.213.77.1"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Host:
    """One of them. `within` runs a command there."""

    def __init__(self, *, number: int, bridge: str) -> None:
        self.name = f"host-{number}"
        self._namespace, self._cable = f"{bridge}n{number}", f"{bridge}v{number}"
        _ip("netns", "add", self._namespace)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
        _ip("link", "set", self._cable, "master", bridge, "up")
        for words in (
            ["addr", "add", f"10.213.77.{10 + number}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", self._namespace, *words)

    @property
    def within(self) -> list[str]:
        named = ["unshare", "--uts", "sh", "-c", f'hostname {self.name} && exec "$@"', "sh"]
        return ["ip", "netns", "exec", self._namespace, *named]

    def cut_off(self) -> None:
        """Nothing reaches it and nothing leaves it, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def reconnect(self) -> None:
        _ip("link", "set", self._cable, "up")

    def remove(self) -> None:
        _ip("netns", "del", self._namespace)


@contextmanager
def hosts(number: int) -> Iterator[list[Host]]:
    """So many hosts, which reach this machine at HERE. The test is skipped where they cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("Network namespaces are for root.")
    missing = [command for command in ("ip", "unshare") if not shutil.which(command)]
    if missing:
        pytest.skip(f"This machine lacks {', '.join(missing)} (Debian: apt-get install iproute2 util-linux).")
    bridge = f"cs{os.getpid()}"
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{HERE}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        made = []
        for place in range(number):
            made.append(Host(number=place, bridge=bridge))
            stack.callback(made[-1].remove)
        yield made
