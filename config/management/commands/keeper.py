import signal
from typing import Any

from django.core.management.base import BaseCommand

from config.supervisor import lifeline
from execution.engine import keeper


class Command(BaseCommand):
    help = "What needs no queue: seals the audit log, sweeps what is overdue, recovers what a dead worker left."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = lifeline.BeatingEvent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        lifeline.watch()
        keeper.run_forever(stop)
