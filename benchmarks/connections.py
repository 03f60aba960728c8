"""One process with 20 connections to a provider that takes 20 ms a mail: the share of connections / latency it reaches.

The process is pinned to one core and the sink (benchmarks/sink.py, asyncio) to the other. In turns with it the same
process sends by smtplib alone, in as many threads: what there is to reach without any queue.
"""

import os
import smtplib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.installation import OTHER_CORE, OUR_CORE, TEXT, installation, sink
from benchmarks.report import Figure, figure, skipped

CONNECTIONS = 20
LATENCY = 0.020  # seconds


def measure(*, rounds: int = 5, mails: int = 4_000) -> Iterator[Figure]:
    """Mails a second from the drain's start to its end, and as a share of the ceiling."""
    if len(os.sched_getaffinity(0)) < 2:
        yield skipped("connections", "It needs two cores.")
        return
    rates, cpu, bare = [], [], []
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
                bare.append(_bare(port=here.port, mails=mails))
        os.sched_setaffinity(0, before)
    ceiling = CONNECTIONS / LATENCY
    yield figure("connections.rate", rates, "mails/s", digits=0, ceiling=ceiling)
    yield figure("connections.share", [rate / ceiling for rate in rates], "of the ceiling", target=">= 0.8")
    yield figure("connections.cpu", cpu, "ms CPU/mail")
    yield figure("connections.smtplib.share", [rate / ceiling for rate in bare], "of the ceiling, by smtplib alone")


def _bare(*, port: int, mails: int) -> float:
    """Mails a second by smtplib in as many threads, each with a connection that it keeps."""
    message = f"From: a@example.org\r\nTo: b@example.org\r\nSubject: The hearing\r\n\r\n{TEXT}\r\n".encode()

    def send(number: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as server:
            for _ in range(number):
                server.sendmail("a@example.org", ["b@example.org"], message)

    begun = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(send, [mails // CONNECTIONS] * CONNECTIONS))
    return mails // CONNECTIONS * CONNECTIONS / (time.monotonic() - begun)
