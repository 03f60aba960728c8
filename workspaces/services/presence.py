"""When a person was last seen: what the dead-man's switch goes by."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from workspaces.clock import database_now
from workspaces.models import Membership, PrincipalKind
from workspaces.signals import member_seen

SEEN_AGAIN_AFTER = timedelta(minutes=5)  # a write at each request would be wasteful; the switch counts in hours


def see_member(*, membership: Membership) -> None:
    """A request of this member has come in. Costs nothing where the membership was loaded as seen lately."""
    last = membership.last_seen_at
    if last is None or timezone.now() - last > SEEN_AGAIN_AFTER:
        record_seen(workspace_id=membership.workspace_id, principal_id=membership.principal_id)


def record_seen(*, workspace_id: UUID, principal_id: UUID) -> None:
    """Put on record that a person is here, at most once in five minutes by the database's clock.

    Whoever is no person, or no member, leaves no trace.
    """
    now = database_now()
    rows = Membership.objects.filter(workspace_id=workspace_id, principal_id=principal_id, kind=PrincipalKind.PERSON)
    if rows.filter(Q(last_seen_at=None) | Q(last_seen_at__lte=now - SEEN_AGAIN_AFTER)).update(last_seen_at=now):
        transaction.on_commit(
            lambda: member_seen.send_robust(sender=Membership, workspace_id=workspace_id), robust=True
        )
