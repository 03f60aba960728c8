"""Recurring work, as one table; `manage.py sync_schedules` makes the queue's schedules equal to it."""

from dataclasses import dataclass

from django.conf import settings

from execution.queue import RETAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """A schedule: its name, the function it calls, and every how many minutes."""

    name: str
    path: str
    minutes: int


def recurring() -> list[Recurring]:
    """Every schedule there is."""
    return [
        Recurring(name="poll", path="campaigns.tasks.poll", minutes=settings.EXECUTION_POLL_MINUTES),
        Recurring(name="sweep", path="execution.tasks.sweep_now", minutes=5),
        Recurring(name="retention", path=RETAIN, minutes=24 * 60),
    ]
