"""What every benchmark prints: one JSON object a line, with the target beside the figure."""

import json
import statistics
from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]


def figure(name: str, values: Sequence[float], unit: str, *, target: str = "", digits: int = 3, **more: Any) -> Figure:
    """The median of the rounds with their spread. `target`: what is asked, such as ">= 2.0"; empty where nothing is.

    `met` is there where a target is: whether the median reaches it.
    """
    median = round(statistics.median(values), digits)
    line: Figure = {
        "name": name,
        "value": median,
        "unit": unit,
        "median": median,
        "min": round(min(values), digits),
        "max": round(max(values), digits),
        "rounds": len(values),
    }
    if target:
        line |= {"target": target, "met": reaches(median, target)}
    return line | more


def reaches(value: float, target: str) -> bool:
    """Whether a value is as `target` asks: one of `>=`, `<=`, `<` and a number."""
    word, number = target.split()
    match word:
        case ">=":
            return value >= float(number)
        case "<=":
            return value <= float(number)
        case "<":
            return value < float(number)
    raise ValueError(f"A target is written “>= 2”, “<= 2” or “< 2”, not “{target}”.")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def say(line: Figure) -> None:
    """Print a line at once."""
    print(json.dumps(line), flush=True)


def skipped(name: str, reason: str) -> Figure:
    """A line for what could not be measured here, and why."""
    return {"name": name, "skipped": reason}
