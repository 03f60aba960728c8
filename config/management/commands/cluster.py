from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.supervisor.programs import cluster_programs, lock_sqlite, refuse_unready, supervise


class Command(BaseCommand):
    help = "Carry out what is due: queue workers and the keeper, watched and replaced when they die or hang."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=settings.CLUSTER_WORKERS, help="queue workers on this host")

    def handle(self, *args: Any, **options: Any) -> None:
        locks = lock_sqlite()
        refuse_unready()
        supervise(cluster_programs(keep_open=locks), workers=options["workers"], locks=locks)
