"""The audit log after real work: it stands, covers every move once, and names the first entry that was spoilt."""

from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from execution import hold, propose, release
from execution.models import ExecutionRequest
from execution.services import decisions, editing, lifecycle
from execution.states import Status
from tests.support.engine import Engine
from workspaces.audit.sealer import seal_once
from workspaces.audit.verify import verify
from workspaces.models import AuditBlock, AuditEntry
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race


@pytest.fixture(scope="module")
def worked(shared_engine: Engine) -> Iterator[Engine]:
    """After a day's work in small, sealed in several blocks."""
    engine, cast = shared_engine, shared_engine.cast
    workspace = cast.workspace
    engine.approved_mails(30)
    engine.drain()
    seal_once()
    for number in range(6):
        payload = {"subject": f"A hearing, number {number}", "text": "Dear reader,"}
        one = propose(workspace=workspace, actor=cast.ada, channel="email", to="r@example.org", payload=payload)
        if number % 2:
            editing.edit_request(workspace=workspace, actor=cast.ada, request_id=one.id, payload=payload)
        act = [decisions.approve, decisions.reject, lifecycle.cancel][number % 3]
        act(workspace=workspace, actor=cast.rosa, request_id=one.id)
    hold(scope="channel:email", reason="stop", actor=cast.rosa, workspace=workspace)
    engine.drain()
    seal_once()
    release(scope="channel:email", reason="go on", actor=cast.rosa, workspace=workspace)
    engine.drain()
    seal_once()
    yield engine


def test_it_stands_and_covers_every_move_once(worked: Engine):
    verified = verify()
    assert verified.bad is None
    assert verified.entries == AuditEntry.objects.count()
    moves: Counter[tuple[UUID, str]] = Counter()
    for entry in AuditEntry.objects.filter(subject_type="execution.executionrequest"):
        for subject in entry.subjects or [str(entry.subject_id)]:
            moves[UUID(subject), entry.action] += 1
    ends = {
        Status.SUCCEEDED: ("request.approved", "request.dispatched", "request.succeeded"),
        Status.REJECTED: ("request.rejected",),
        Status.CANCELLED: ("request.cancelled",),
    }
    with workspace_scope(worked.cast.workspace):
        requests = list(ExecutionRequest.objects.all())
    assert {request.status for request in requests} == set(ends)
    for request in requests:
        for action in ("request.approved", "request.dispatched", "request.succeeded", "request.rejected"):
            assert moves[request.id, action] == (action in ends[Status(request.status)])


def spoil(statement: str, *values: str | UUID) -> None:
    """As the database's superuser, past the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


def sealed_entries(worked: Engine) -> list[str]:
    """In the order of the workspace's chain."""
    blocks = AuditBlock.objects.filter(chain=str(worked.cast.workspace.id)).order_by("number")
    return [entry_id for block in blocks for entry_id in block.entry_ids]


def alter_a_byte(entries: list[str]) -> str:
    spoil("UPDATE workspaces_auditentry SET via = overlay(via placing 'x' from 1) WHERE id = %s", entries[4])
    return entries[4]


def delete_one(entries: list[str]) -> str:
    spoil("DELETE FROM workspaces_auditentry WHERE id = %s", entries[5])
    return entries[5]


def reorder_two(entries: list[str]) -> str:
    spoil(
        "UPDATE workspaces_auditblock SET entry_ids = jsonb_set(jsonb_set(entry_ids, '{2}', entry_ids->3), "
        "'{3}', entry_ids->2) WHERE entry_ids->>2 = %s",
        entries[2],
    )
    return entries[3]  # which stands in the place of the other now


def cut_the_tail(entries: list[str]) -> str:
    last = AuditBlock.objects.filter(entry_ids__contains=[entries[-1]]).get()
    spoil("DELETE FROM workspaces_auditentry WHERE id = ANY(%s::uuid[])", last.entry_ids)
    spoil("DELETE FROM workspaces_auditblock WHERE id = %s", last.id)
    return str(last.entry_ids[0])


@pytest.mark.parametrize("change", [alter_a_byte, delete_one, reorder_two, cut_the_tail], ids=lambda f: f.__name__)
def test_it_names_the_first_entry_that_was_spoiled(worked: Engine, change: Callable[[list[str]], str]):
    with transaction.atomic():
        bad = change(sealed_entries(worked))
        with pytest.raises(CommandError, match=bad):
            call_command("verify_audit")
        transaction.set_rollback(True)
    assert verify().bad is None
