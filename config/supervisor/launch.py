"""The step from a management command to the supervisor: in the same process, with nothing of Django left in it."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from config.supervisor.process import Program

PLAN = "COUNTERSIGN_PLAN"


def become_supervisor(
    *,
    programs: Sequence[Program],
    grace_seconds: float,
    environment: Mapping[str, str],
    log_level: str,
    log_format: str,
    locks: Sequence[int],
    base_dir: Path,
) -> NoReturn:
    """Replace this process by the supervisor of `programs`. `locks`: descriptors that stay open, and so locked."""
    for descriptor in locks:
        os.set_inheritable(descriptor, True)
    plan = {
        "programs": [asdict(program) for program in programs],
        "grace_seconds": grace_seconds,
        "log_level": log_level,
        "log_format": log_format,
    }
    path = os.pathsep.join(filter(None, [str(base_dir), environment.get("PYTHONPATH", "")]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(
        sys.executable,
        # The rest is for whoever lists processes.
        [sys.executable, "-m", "config.supervisor", *sys.argv],
        {**environment, "PYTHONPATH": path, PLAN: json.dumps(plan)},
    )
