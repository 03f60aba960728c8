"""What `hold` and `release` share: which scope, why, as whom."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from execution.models import Hold
from workspaces.actors import resolve_actor, system_actor
from workspaces.errors import CountersignError
from workspaces.models import Workspace


class HoldingCommand(BaseCommand):
    """Parses --scope, --workspace, --reason and --as, then calls the service."""

    act: ClassVar[Callable[..., Hold]]
    done: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        scope = "global|workspace:SLUG|channel:NAME|agent:NAME|campaign:ID|plan:ID|account:ID"
        parser.add_argument("--scope", required=True, metavar=scope)
        parser.add_argument("--workspace", metavar="SLUG", help="where the channel, agent, campaign or account is")
        parser.add_argument("--reason", default="from the command line")
        parser.add_argument("--as", dest="actor", metavar="human:USERNAME")

    def handle(self, *args: Any, **options: Any) -> None:
        word, _, slug = options["scope"].partition(":")
        slug = slug if word == "workspace" else options["workspace"]
        workspace = Workspace.objects.filter(slug=slug).first() if slug else self._only_one(word)
        if slug and workspace is None:
            raise CommandError(f"There is no workspace “{slug}”.")
        try:
            actor = (
                resolve_actor(label=options["actor"], workspace=None if word == "global" else workspace, via="cli")
                if options["actor"]
                else system_actor("shell", via="cli")
            )
            hold = self.act(
                scope=options["scope"],
                reason=options["reason"],
                actor=actor,
                workspace=None if word == "global" else workspace,
            )
        except CountersignError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{self.done}: {hold.address}")

    def _only_one(self, word: str) -> Workspace | None:
        if word == "global":
            return None
        workspaces = list(Workspace.objects.all()[:2])
        if len(workspaces) != 1:
            raise CommandError("Say which workspace: --workspace SLUG.")
        return workspaces[0]
