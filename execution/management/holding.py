"""What `hold` and `release` share: which scope, why, as whom."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from execution.models import ExecutionPlan, ExecutionRequest, Hold, HoldScope, ProviderAccount
from workspaces.actors import resolve_actor, system_actor
from workspaces.errors import CountersignError
from workspaces.models import User, Workspace
from workspaces.scope import all_workspaces
from workspaces.selectors import workspaces_of

# Scopes that name one thing by its id, and the rows that tell in which workspace it is.
_BY_ID = {
    HoldScope.ACCOUNT: (ProviderAccount, "pk"),
    HoldScope.PLAN: (ExecutionPlan, "pk"),
    HoldScope.CAMPAIGN: (ExecutionRequest, "campaign_id"),
}


class HoldingCommand(BaseCommand):
    """Parses --scope, --workspace, --reason and --as, then calls the service."""

    act: ClassVar[Callable[..., Hold]]
    done: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        scope = "global|workspace:SLUG|channel:NAME|agent:NAME|campaign:ID|plan:ID|account:ID"
        parser.add_argument("--scope", required=True, metavar=scope)
        parser.add_argument("--workspace", metavar="SLUG", help="where; else where the thing or whoever acts is")
        parser.add_argument("--reason", default="from the command line")
        parser.add_argument("--as", dest="actor", metavar="human:USERNAME")

    def handle(self, *args: Any, **options: Any) -> None:
        scope, label = options["scope"], options["actor"]
        try:
            workspace = self._workspace(scope=scope, slug=options["workspace"], label=label)
            actor = (
                resolve_actor(label=label, workspace=workspace, via="cli")
                if label
                else system_actor("shell", via="cli")
            )
            hold = self.act(scope=scope, reason=options["reason"], actor=actor, workspace=workspace)
        except CountersignError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{self.done}: {hold.address}")

    def _workspace(self, *, scope: str, slug: str | None, label: str | None) -> Workspace | None:
        """Where it holds: as said, else where the named thing is, else where whoever acts is a member.

        None for the global scope, and for a word that is no scope, which the service refuses.
        """
        word, _, key = scope.partition(":")
        if word not in HoldScope or word == HoldScope.GLOBAL:
            return None
        slug = key if word == HoldScope.WORKSPACE else slug
        if slug:
            named = Workspace.objects.filter(slug=slug).first()
            if named is None:
                raise CommandError(f"There is no workspace “{slug}”.")
            return named
        found = list(_workspaces_with(word=word, key=key) or _workspaces_of(label=label) or Workspace.objects.all()[:2])
        if len(found) != 1:
            raise CommandError("Say which workspace: --workspace SLUG.")
        return found[0]


def _workspaces_with(*, word: str, key: str) -> list[Workspace]:
    if word not in _BY_ID:
        return []
    try:
        wanted = UUID(key)
    except ValueError:
        return []  # "account:default" is in each; what is no id at all the service refuses
    model, field = _BY_ID[HoldScope(word)]
    with all_workspaces("a command that names a thing by its id and no workspace"):
        ids = model._default_manager.filter(**{field: wanted}).values_list("workspace_id", flat=True)[:1]
        return list(Workspace.objects.filter(pk__in=list(ids)))


def _workspaces_of(*, label: str | None) -> list[Workspace]:
    kind, _, name = (label or "").partition(":")
    user = User.objects.filter(username=name).first() if kind == "human" else None
    return list(workspaces_of(user=user)) if user else []
