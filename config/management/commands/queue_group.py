from typing import Any

from django.core.management.base import BaseCommand

from config.supervisor.queue_group import run_group


class Command(BaseCommand):
    help = "One group of queue processes (pusher, workers, monitor). `cluster` and `up` start it, and replace it."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        raise SystemExit(run_group())
