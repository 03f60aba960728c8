"""Tools of the audit tests: entries, and a hand that changes what must not change."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from workspaces import audit
from workspaces.actors import system_actor
from workspaces.audit.sealer import chain_of
from workspaces.models import AuditBlock, AuditEntry, Workspace

audit.register({"test.entry": "{actor} wrote number {n}"})


def bare_workspace(slug: str) -> Workspace:
    """A workspace in whose chain nothing stands but what a test writes."""
    return Workspace.objects.create(slug=slug, name=slug)


def write(workspace: Workspace | None, *numbers: int) -> list[UUID]:
    """One committed entry for each number, each in a transaction of its own; returns their ids."""
    actor = system_actor("tests")
    ids = []
    for n in numbers:
        with transaction.atomic():
            workspace_id = workspace.id if workspace else None
            ids.append(audit.record(action="test.entry", actor=actor, workspace_id=workspace_id, data={"n": n}).id)
    return ids


def sealed(workspace: Workspace | None) -> list[UUID]:
    """The sealed entries of a chain in the order of their positions; fails where positions have a gap."""
    ids: list[UUID] = []
    for block in AuditBlock.objects.filter(chain=chain_of(workspace.id if workspace else None)).order_by("number"):
        assert block.first_position == len(ids) + 1
        ids += [UUID(entry_id) for entry_id in block.entry_ids]
    return ids


def numbers(ids: list[UUID]) -> list[int]:
    """The numbers that `write` was given, in the order of `ids`."""
    found = dict(AuditEntry.objects.filter(id__in=ids, action="test.entry").values_list("id", "data"))
    return [found[entry_id]["n"] for entry_id in ids if entry_id in found]


@contextmanager
def superuser() -> Iterator[CursorWrapper]:
    """A committed change behind the triggers, as only the database's superuser can make one."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
