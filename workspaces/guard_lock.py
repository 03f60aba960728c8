"""The lock between whoever changes what a guard reads and whoever marks requests for sending.

A mark reads suppressions, holds, policies, members and settings, then commits. Under READ COMMITTED a change could
commit between that read and the mark's commit, and the mark would not have seen it. So a mark takes the workspace's
lock shared, and a change takes it exclusively: a change that committed before a mark is always seen by it (P10).
Marks never wait for one another. SQLite has one writer at a time and needs no lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection
from django.db.models import F

from workspaces.models import Workspace
from workspaces.prepared import preparing_cursor

_EVERY_WORKSPACE = 0
_SPACE = 0x6A7E  # the first key of the two-key advisory lock


def _key(workspace_id: UUID) -> int:
    # 31 bits of the id: two workspaces sharing a key would only wait for each other a little.
    return (workspace_id.int & 0x7FFFFFFF) or 1


def _lock(function: str, key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [_SPACE, key])


@contextmanager
def guard_change(*, workspace: Workspace | None) -> Iterator[None]:
    """Inside a transaction: make a change that guards read. `workspace` None is a change for every workspace.

    Waits for the marks under way (milliseconds) and makes the following ones read afresh.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A change that guards read is made in a transaction; open one.")
    if connection.vendor == "postgresql":
        _lock("pg_advisory_xact_lock", _key(workspace.id) if workspace else _EVERY_WORKSPACE)
    yield
    changed = Workspace.objects.filter(pk=workspace.pk) if workspace else Workspace.objects.all()
    changed.update(guard_epoch=F("guard_epoch") + 1)


def share_guards(*, workspace_ids: list[UUID]) -> None:
    """Inside a mark's transaction: from here until the commit no guard of these workspaces changes."""
    if connection.vendor != "postgresql":
        return
    # In key order, so that two marks and a change can never wait in a ring.
    keys = [_EVERY_WORKSPACE, *sorted({_key(workspace_id) for workspace_id in workspace_ids})]
    with preparing_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, key) FROM unnest(%s::int[]) AS key", [_SPACE, keys])
