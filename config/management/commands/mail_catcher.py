from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.supervisor.mail_catcher import PortTaken, catch


class Command(BaseCommand):
    help = "Catch mail: an SMTP server on 127.0.0.1 that keeps every message in MAIL_CATCHER_DIR and passes none on."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.MAIL_CATCHER_PORT or 1025)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            catch(options["port"])
        except PortTaken as error:
            raise CommandError(str(error)) from error
