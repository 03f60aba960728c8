"""The one line of a mail that is not frozen: when it was sent (RFC 5322 section 3.3)."""

import time
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_line(at: float | None = None) -> bytes:
    """`Date: Fri, 21 Nov 2025 09:08:07 +0000` with its CRLF, for `at` (seconds since the epoch) or for now."""
    return _date_line(int(time.time() if at is None else at))


@lru_cache(maxsize=64)
def _date_line(second: int) -> bytes:
    t = time.gmtime(second)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    return f"Date: {day}, {t.tm_mday:02} {month} {t.tm_year:04} {clock} +0000\r\n".encode()
