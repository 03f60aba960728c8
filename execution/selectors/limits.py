"""The limits that people set, without those that an account's warm-up is counted by."""

from django.db.models import QuerySet

from execution.models import Limit
from workspaces.models import Workspace


def limits_of(*, workspace: Workspace) -> QuerySet[Limit]:
    """A workspace's limits, as lists show them."""
    return Limit.objects.filter(workspace=workspace).exclude(scope__startswith="warm_up:")
