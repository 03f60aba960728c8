"""When a failed task is tried again."""

import random
from collections.abc import Callable
from datetime import timedelta

BASE_SECONDS = 60.0
CAP_SECONDS = 3_600.0


def retry_delay(*, attempt: int, draw: Callable[[float, float], float] = random.uniform) -> timedelta:
    """How long to wait after try number `attempt` (1 is the first) failed: exponential, with full jitter.

    A random moment between now and 1, 2, 4 ... minutes from now, an hour at most, so that tasks which failed together
    (a provider was down) do not all come back together.
    """
    ceiling = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(attempt - 1, 16))
    return timedelta(seconds=draw(0.0, ceiling))
