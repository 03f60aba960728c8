import json
import os
from argparse import ArgumentParser
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from config.running import AlreadyRunning, announce
from config.supervisor.programs import cluster_programs, lock_sqlite, refuse_unready, supervise, web_programs

# What a command in another shell needs in order to act as this demo does.
_ANNOUNCED = (
    "AGENT_DRY_RUN",
    "CREDENTIALS_KEY",
    "CRON_SECRET",
    "DATABASE_URL",
    "DEMO",
    "EMAIL_URL",
    "ENABLE_AUTO_EXECUTION",
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "REDIS_URL",
    "SECRET_KEY",
)


class Command(BaseCommand):
    help = "Serve everything from this host: web and cluster under one supervisor, and in a demo a mail catcher."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=settings.CLUSTER_WORKERS, help="queue workers on this host")

    def handle(self, *args: Any, **options: Any) -> None:
        announced = {name: os.environ[name] for name in _ANNOUNCED if name in os.environ} if settings.DEMO else {}
        cluster_locks = lock_sqlite()
        try:
            running_lock = announce(settings.VAR_DIR, environment=announced)
        except AlreadyRunning as error:
            raise CommandError(str(error)) from error
        refuse_unready()
        self._say_where()
        programs = [*web_programs(), *cluster_programs(keep_open=cluster_locks)]
        supervise(programs, workers=options["workers"], locks=[running_lock, *cluster_locks])

    def _say_where(self) -> None:
        lines = ["", f"Countersign: {settings.PUBLIC_URL}"]
        if settings.DEMO and "seed_demo" in get_commands():
            lines += self._logins()
        if settings.MAIL_CATCHER_PORT:
            lines.append(f"Mail is caught at {settings.EMAIL_URL} and kept in {settings.MAIL_CATCHER_DIR}.")
        if settings.CRON_SECRET and settings.DEMO:
            lines.append(f"Cron secret: {settings.CRON_SECRET}")
        self.stdout.write("\n".join([*lines, "Ctrl-C stops everything.", ""]))
        self.stdout.flush()

    def _logins(self) -> list[str]:
        out = StringIO()
        call_command("seed_demo", "--json", stdout=out)
        users = json.loads(out.getvalue())["users"]
        width = max(len(user["username"]) for user in users.values())
        return [
            f"  {role.replace('_', ' '):16} {user['username']:{width}}  {user['password']}"
            for role, user in users.items()
        ]
