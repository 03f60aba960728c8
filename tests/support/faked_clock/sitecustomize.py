"""On PYTHONPATH beside libfaketime, which breaks what time.sleep is made of where it moves the wall clock alone."""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
