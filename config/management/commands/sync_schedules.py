from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django_q.models import Schedule

from config.schedules import recurring


class Command(BaseCommand):
    help = "Make the queue's schedules equal to the table in config/schedules.py. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = recurring()
        with transaction.atomic():
            removed, _ = Schedule.objects.exclude(name__in=[one.name for one in wanted]).delete()
            for one in wanted:
                Schedule.objects.update_or_create(
                    name=one.name,
                    defaults={
                        "func": one.path,
                        "schedule_type": Schedule.MINUTES,
                        "minutes": one.minutes,
                        "repeats": -1,
                    },
                )
        self.stdout.write(f"{len(wanted)} schedules in place, {removed} removed.")
