import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from campaigns.demo.content import DEMO, OTHER, Demo, make_campaign, make_workspace
from campaigns.demo.logins import make_logins
from workspaces.actors import resolve_actor, system_actor


class Command(BaseCommand):
    help = "Make the demo: two workspaces, their people and tokens, a campaign each. A second call adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        demo = self._make(DEMO, prefix="", operator="owner")
        other = self._make(OTHER, prefix="other-", operator="")
        if options["json"]:
            answer = {"workspace": DEMO.slug, "base_url": settings.PUBLIC_URL, **demo}
            answer["other"] = {"workspace": OTHER.slug, "base_url": settings.PUBLIC_URL, **other}
            self.stdout.write(json.dumps(answer))
        elif options["verbosity"]:
            self._print(DEMO, demo)
            self._print(OTHER, other)

    def _make(self, demo: Demo, *, prefix: str, operator: str) -> dict[str, Any]:
        machine = system_actor("demo", via="cli")
        workspace = make_workspace(demo=demo, actor=machine)
        logins = make_logins(workspace=workspace, prefix=prefix, operator=operator, actor=machine)
        author = resolve_actor(label=f"human:{prefix}author", workspace=workspace, via="cli")
        make_campaign(demo=demo, workspace=workspace, actor=author)
        return logins

    def _print(self, demo: Demo, logins: dict[str, Any]) -> None:
        self.stdout.write(f"{demo.name}: {settings.PUBLIC_URL}/w/{demo.slug}/admin/")
        for word, user in logins["users"].items():
            self.stdout.write(f"  {word.replace('_', ' '):16} {user['username']:22} {user['password']}")
