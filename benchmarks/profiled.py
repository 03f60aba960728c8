"""`python -m benchmarks.profiled`: where the time of one sending lane goes, by statement and by function.

Two drains over as many mails each, because the profiler slows Python down and not PostgreSQL: the first is timed by
statement without it, the second is profiled.
"""

import argparse
import cProfile
import io
import os
import pstats
import re
import time
from collections import defaultdict
from typing import Any

from benchmarks.installation import OTHER_CORE, OUR_CORE, installation, sink

_SPACES = re.compile(r"\s+")


def run(*, mails: int) -> str:
    """The text."""
    with installation() as here:
        os.sched_setaffinity(0, {OUR_CORE})
        with sink(port=here.port, core=OTHER_CORE):
            from django.db import connection

            from execution.engine.drain import drain

            def once() -> None:
                result = drain(manual=True, lanes=1, seconds=600)
                if result.succeeded != mails:
                    raise RuntimeError(f"{result} of {mails}")

            here.approved(mails)
            once()
            here.approved(mails)
            here.tidy()
            statements: dict[str, list[float]] = defaultdict(list)

            def timed(execute: Any, sql: Any, *rest: Any) -> Any:
                begun = time.perf_counter()
                try:
                    return execute(sql, *rest)
                finally:
                    statements[short(str(sql))].append(time.perf_counter() - begun)

            cpu, begun = time.process_time(), time.monotonic()
            with connection.execute_wrapper(timed):
                once()
            taken, cpu = time.monotonic() - begun, time.process_time() - cpu
            here.approved(mails)
            here.tidy()
            profile = cProfile.Profile()
            profile.runcall(once)
    return "\n".join(_lines(mails, taken, cpu, statements, profile))


def short(sql: str) -> str:
    """A statement as one line that tells it from the others."""
    text = _SPACES.sub(" ", sql).replace('"', "")
    head, found, rest = text.partition(" FROM ")
    if head.startswith("SELECT") and found:
        return head[:40] + ".. FROM " + rest[:90]
    return text[:130]


def _lines(
    mails: int, taken: float, cpu: float, statements: dict[str, list[float]], profile: cProfile.Profile
) -> list[str]:
    in_database = sum(sum(times) for times in statements.values())
    lines = [
        (
            f"{mails} mails, one lane, sink on the other core: {mails / taken:.0f} mails/s; a mail takes "
            f"{taken / mails * 1e6:.0f} us, of which {cpu / mails * 1e6:.0f} us are CPU of this process and "
            f"{in_database / mails * 1e6:.0f} us are spent in statements (waiting and adapting parameters included)."
        ),
        "",
        "us/mail  calls  statement",
    ]
    for sql, times in sorted(statements.items(), key=lambda item: -sum(item[1])):
        lines.append(f"{sum(times) / mails * 1e6:7.1f} {len(times):6d}  {sql}")
    out = io.StringIO()
    stats = pstats.Stats(profile, stream=out).strip_dirs()
    stats.sort_stats("tottime").print_stats(30)
    stats.sort_stats("cumtime").print_stats(60)
    lines += ["", "By function, under cProfile (which makes Python about twice as slow):"]
    return lines + [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Profile one sending lane.")
    parser.add_argument("--mails", type=int, default=5_000)
    print(run(mails=parser.parse_args().mails))


if __name__ == "__main__":
    main()
