from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workspaces.actors import system_actor
from workspaces.models import Membership
from workspaces.services import issue_token


class Command(BaseCommand):
    help = "Make a bearer token for a member (a person's user name or a service's name) and print it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--workspace", metavar="SLUG", required=True)
        parser.add_argument("--name", default="command line")
        parser.add_argument("--days", type=int, help="days until it expires; never where left out")

    def handle(self, *args: Any, **options: Any) -> None:
        membership = (
            Membership.objects.select_related("principal")
            .filter(workspace__slug=options["workspace"], principal__name=options["user"], is_active=True)
            .exclude(kind="agent")
            .first()
        )
        if membership is None:
            raise CommandError(f"{options['user']} is no active member of “{options['workspace']}”.")
        expires_at = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        _, secret = issue_token(
            membership=membership,
            name=options["name"],
            actor=system_actor("shell", via="cli"),
            expires_at=expires_at,
        )
        self.stdout.write(secret)
