from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workspaces.audit.verify import verify
from workspaces.models import Workspace


class Command(BaseCommand):
    help = "Check that nobody changed the audit log. Exit status 1 and the first bad entry where somebody did."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="check this workspace's chain only")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace_id = None
        if slug := options["workspace"]:
            workspace = Workspace.objects.filter(slug=slug).first()
            if workspace is None:
                raise CommandError(f"There is no workspace “{slug}”.", returncode=2)
            workspace_id = workspace.id
        result = verify(workspace_id=workspace_id)
        if result.bad:
            raise CommandError(f"The audit log does not stand as written: {result.bad}")
        self.stdout.write(f"The audit log stands: {result.entries} entries in {result.blocks} blocks.")
