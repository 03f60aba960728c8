"""Places where a fault can be injected: FAILPOINT=NAME:kill or NAME:raise in the environment of one process.

Off unless that variable is set; the fault tests set it to find out what a death at each step leaves behind.
"""

import os
import signal

NAMES = ("decided", "before_mark", "marked", "began", "called", "before_settle", "settled")
_point, _, _action = os.environ.get("FAILPOINT", "").partition(":")


def reached(name: str) -> None:
    """Called where the fault would be."""
    if name != _point:
        return
    if _action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError(f"failpoint {name}")
