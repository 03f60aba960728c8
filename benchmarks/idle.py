"""What an idle installation costs: `manage.py up` with a cluster of 4, its CPU over a while and its memory.

Memory is PSS (/proc/PID/smaps_rollup), in which a page that several processes share counts once. PostgreSQL is not in
it, and neither is Redis: there is none.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bell import cluster
from benchmarks.installation import installation
from benchmarks.report import Figure, figure, skipped

_TICKS = os.sysconf("SC_CLK_TCK")


def measure(*, rounds: int = 5, seconds: float = 15.0, workers: int = 4) -> Iterator[Figure]:
    """The share of a core in each of `rounds` windows of `seconds`, and the megabytes at the end of each."""
    if not Path("/proc/self/smaps_rollup").exists():
        yield skipped("idle", "There is no /proc/PID/smaps_rollup here.")
        return
    shares, memory, processes = [], [], 0
    with installation() as here, cluster(here, workers, "up") as process:
        time.sleep(15)  # starting is not idling
        for _ in range(rounds):
            before, begun = used(process.pid), time.monotonic()
            time.sleep(seconds)
            after, taken = used(process.pid), time.monotonic() - begun
            shares.append(sum(after[pid] - before.get(pid, 0) for pid in after) / _TICKS / taken * 100)
            memory.append(sum(pss(pid) for pid in after))
            processes = len(after)
            if processes < workers + 3:  # supervisor, web, keeper
                raise RuntimeError(f"Only {processes} processes run; web and a cluster of {workers} are more.")
    yield figure("idle.cpu", shares, "% of a core", digits=2, target="< 2", processes=processes)
    yield figure("idle.pss", memory, "MB", digits=0, target="< 600", processes=processes)


def used(root: int) -> dict[int, int]:
    """Clock ticks that the process `root` and everything below it have used, their ended children not included."""
    parents, ticks = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        parents[int(folder.name)], ticks[int(folder.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    family, before = {root}, 0
    while len(family) != before:
        before = len(family)
        family |= {pid for pid, parent in parents.items() if parent in family}
    return {pid: ticks[pid] for pid in family if pid in ticks}


def pss(pid: int) -> float:
    """Megabytes (10^6 bytes) of one process; 0 for one that ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return kilobytes * 1024 / 1e6
