"""One process with 20 connections to a provider that takes 20 ms a mail: the share of connections / latency it reaches.

The process is pinned to one core and the sink (benchmarks/sink.py, asyncio) to the other.
"""

import os
import time
from collections.abc import Iterator

from benchmarks.installation import OTHER_CORE, OUR_CORE, installation, sink
from benchmarks.report import Figure, figure, skipped

CONNECTIONS = 20
LATENCY = 0.020  # seconds


def measure(*, rounds: int = 5, mails: int = 4_000) -> Iterator[Figure]:
    """Mails a second from the drain's start to its end, and as a share of the ceiling."""
    if len(os.sched_getaffinity(0)) < 2:
        yield skipped("connections", "It needs two cores.")
        return
    rates, cpu = [], []
    before = os.sched_getaffinity(0)
    with installation() as here:
        from execution.engine.drain import drain

        os.sched_setaffinity(0, {OUR_CORE})
        with sink(port=here.port, core=OTHER_CORE, delay=LATENCY):
            for _ in range(rounds):
                here.approved(mails)
                here.tidy()
                used, begun = time.process_time(), time.monotonic()
                result = drain(manual=True, lanes=CONNECTIONS, seconds=600)
                rates.append(mails / (time.monotonic() - begun))
                cpu.append((time.process_time() - used) / mails * 1e3)
                if result.succeeded != mails:
                    raise RuntimeError(f"{result} of {mails}")
        os.sched_setaffinity(0, before)
    ceiling = CONNECTIONS / LATENCY
    yield figure("connections.rate", rates, "mails/s", digits=0, ceiling=ceiling)
    yield figure("connections.share", [rate / ceiling for rate in rates], "of the ceiling", target=">= 0.8")
    yield figure("connections.cpu", cpu, "ms CPU/mail")
