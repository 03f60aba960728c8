import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workspaces.actors import resolve_actor, system_actor
from workspaces.errors import CountersignError
from workspaces.models import Workspace
from workspaces.settings_store import get_setting, set_setting


class Command(BaseCommand):
    help = "Show or change a setting of the installation, or of one workspace."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
        parser.add_argument("value", nargs="?")
        parser.add_argument("--workspace", metavar="SLUG")
        parser.add_argument("--as", dest="actor", metavar="human:USERNAME", help="who changes it; an operator")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = None
        if slug := options["workspace"]:
            workspace = Workspace.objects.filter(slug=slug).first()
            if workspace is None:
                raise CommandError(f"There is no workspace “{slug}”.")
        try:
            if options["value"] is None:
                value = get_setting(key=options["key"], workspace=workspace)
            else:
                actor = (
                    resolve_actor(label=options["actor"], workspace=workspace, via="cli")
                    if options["actor"]
                    else system_actor("shell", via="cli")
                )
                value = set_setting(key=options["key"], value=options["value"], workspace=workspace, actor=actor)
        except CountersignError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(json.dumps(value))
