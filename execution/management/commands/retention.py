from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from execution.selectors import retention_preview
from execution.services.retention import retain
from workspaces.errors import CountersignError
from workspaces.models import Workspace
from workspaces.scope import workspace_scope


class Command(BaseCommand):
    help = "Delete for good what was over for longer than its workspace keeps history, as the daily schedule does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="only this one's")
        parser.add_argument("--preview", action="store_true", help="only say what would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = None
        if slug := options["workspace"]:
            workspace = Workspace.objects.filter(slug=slug).first()
            if workspace is None:
                raise CommandError(f"There is no workspace “{slug}”.")
        if options["preview"]:
            for one in [workspace] if workspace else Workspace.objects.order_by("slug"):
                self._preview(one)
            return
        try:
            cleared = retain(workspace=workspace)
        except CountersignError as error:
            raise CommandError(error.detail) from error
        for slug, gone in cleared.items():
            what = ", ".join(f"{count:,} {kind}" for kind, count in gone.deleted.items()) or "nothing"
            self.stdout.write(f"{slug or 'installation'}: deleted {what}.")
        if workspace and workspace.slug not in cleared:
            raise CommandError("Another process clears this workspace at this moment. Try again when it is done.")

    def _preview(self, workspace: Workspace) -> None:
        with workspace_scope(workspace):
            preview = retention_preview(workspace=workspace)
        self.stdout.write(
            f"{workspace.slug}: keeps {preview.days} days, so what was over before {preview.cutoff:%Y-%m-%d %H:%M} UTC"
        )
        for line in preview.lines:
            self.stdout.write(f"  {line.shown:>8}  {line.label}")
