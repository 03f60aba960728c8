import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from execution.engine.drain import drain
from execution.engine.recover import recover_dead_workers


class Command(BaseCommand):
    help = "Claim and perform what is due, in this process, without the queue. Prints what was done as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop after what is due now, which is the default too")
        parser.add_argument("--seconds", type=float, default=600.0, help="begin nothing after this long")

    def handle(self, *args: Any, **options: Any) -> None:
        recover_dead_workers()
        self.stdout.write(json.dumps(asdict(drain(manual=True, seconds=options["seconds"]))))
