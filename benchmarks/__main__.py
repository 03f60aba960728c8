"""`python -m benchmarks [NAME ...]`: the benchmarks named, or all of them; one JSON object a line.

Each runs in a process of its own, because an installation is set up once in a process.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterable

from benchmarks import bell, bulk, claim, connections, idle, sending
from benchmarks.report import Figure, say

BENCHMARKS: dict[str, Callable[[bool], Iterable[Figure]]] = {
    "sending": lambda quick: sending.measure(rounds=1, mails=100) if quick else sending.measure(),
    "connections": lambda quick: connections.measure(rounds=1, mails=100) if quick else connections.measure(),
    "bulk": lambda quick: bulk.measure(rounds=1, mails=100) if quick else bulk.measure(),
    "claim": lambda quick: claim.measure(rounds=3, rows=1_000) if quick else claim.measure(),
    "bell-orm": lambda quick: bell.measure(broker="orm", approvals=3 if quick else 60),
    "bell-redis": lambda quick: bell.measure(broker="redis", approvals=3 if quick else 60),
    "idle": lambda quick: idle.measure(rounds=1, seconds=2) if quick else idle.measure(),
}


def main() -> int:
    """The command line. Ends with 1 where a benchmark broke off; a target that is missed is no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(["wire", *BENCHMARKS]))
    parser.add_argument("--quick", action="store_true", help="tiny numbers: does it work at all?")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in ("wire", *BENCHMARKS)]
    if unknown:
        parser.error(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(['wire', *BENCHMARKS])}.")
    if arguments.here:
        for line in BENCHMARKS[arguments.names[0]](arguments.quick):
            say(line)
        return 0
    failed = 0
    for name in arguments.names or ["wire", *BENCHMARKS]:
        words = ["benchmarks.wire"] if name == "wire" else ["benchmarks", name, "--here"]
        quick = ["--rounds", "1", "--mails", "20"] if name == "wire" else ["--quick"]
        command = [sys.executable, "-m", *words, *(quick if arguments.quick else [])]
        failed |= subprocess.run(command, check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
