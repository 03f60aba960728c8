"""The table of moves, its drawing, and the one function that makes them."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from execution.errors import InvalidTransition
from execution.models import ExecutionRequest
from execution.states import OPEN, SETTLED, TRANSITIONS, Status
from execution.transitions import move
from tests.builders import Cast
from tests.execution.arranged import propose_email
from workspaces.actors import system_actor
from workspaces.models import AuditEntry

ARROW = re.compile(r"^    (\w+) --> (\w+)$", re.MULTILINE)
ROW = re.compile(r"^\| (\w+) \| (\w+) \| .+ \|$", re.MULTILINE)
TABLE = {(str(source), str(target)) for source, targets in TRANSITIONS.items() for target in targets}


def page() -> str:
    return (Path(settings.BASE_DIR) / "docs/states.md").read_text()


def test_the_drawing_is_the_table() -> None:
    assert set(ARROW.findall(page())) == TABLE


def test_every_arrow_has_its_reason() -> None:
    assert {row for row in ROW.findall(page()) if row != ("from", "to")} == TABLE


def test_every_state_is_open_or_settled() -> None:
    assert frozenset(Status) == OPEN | SETTLED
    assert not OPEN & SETTLED


@pytest.mark.parametrize("source", list(Status))
def test_it_moves_as_the_table_says_and_no_other_way(cast: Cast, source: Status) -> None:
    request = _in_state(cast, source)
    moved = set()
    with cast.scope(), transaction.atomic():
        for target in Status:
            point = transaction.savepoint()
            try:
                moved.update([target] if _move(request, target) == [request.id] else [])
            except InvalidTransition:
                request.refresh_from_db()
                assert request.status == source
            transaction.savepoint_rollback(point)
    assert moved == TRANSITIONS[source]


def test_a_move_and_its_audit_entry_stand_or_fall_together(cast: Cast) -> None:
    request = _in_state(cast, Status.PENDING)
    before = AuditEntry.objects.count()

    class Undone(Exception):
        pass

    with cast.scope():
        with pytest.raises(Undone), transaction.atomic():
            _move(request, Status.CANCELLED)
            raise Undone
        request.refresh_from_db()
        assert (request.status, AuditEntry.objects.count()) == (Status.PENDING, before)
        with transaction.atomic():
            _move(request, Status.CANCELLED)
    entry = AuditEntry.objects.order_by("-id").first()
    assert entry is not None
    assert (AuditEntry.objects.count(), entry.action, entry.subject_id) == (before + 1, "request.cancelled", request.id)


def test_a_chunk_moves_under_one_entry_that_lists_it(cast: Cast) -> None:
    requests = [_in_state(cast, Status.PENDING) for _ in range(3)]
    before = AuditEntry.objects.count()
    with cast.scope(), transaction.atomic():
        move(
            workspace_id=cast.workspace.id,
            ids=[r.id for r in requests],
            to=Status.CANCELLED,
            action="request.cancelled",
            actor=system_actor("tests"),
        )
    entry = AuditEntry.objects.order_by("-id").first()
    assert entry is not None
    assert AuditEntry.objects.count() == before + 1
    assert set(entry.subjects) == {str(r.id) for r in requests}


def test_a_chunk_of_which_one_is_elsewhere_does_not_move_at_all(cast: Cast) -> None:
    waiting, done = _in_state(cast, Status.PENDING), _in_state(cast, Status.SUCCEEDED)
    with cast.scope():
        with pytest.raises(InvalidTransition), transaction.atomic():
            move(
                workspace_id=cast.workspace.id,
                ids=[waiting.id, done.id],
                to=Status.CANCELLED,
                action="request.cancelled",
                actor=system_actor("tests"),
            )
        waiting.refresh_from_db()
    assert waiting.status == Status.PENDING


def _move(request: ExecutionRequest, target: Status) -> list[object]:
    values = {"chunk": request.id} if target == Status.DISPATCHING else {}
    return list(
        move(
            workspace_id=request.workspace_id,
            ids=[request.id],
            to=target,
            action="request.cancelled",
            actor=system_actor("tests"),
            values=values,
        )
    )


def _in_state(cast: Cast, status: Status) -> ExecutionRequest:
    """A request put into a state by hand: only the table is under test here."""
    request = propose_email(cast)
    chunk = request.id if status == Status.DISPATCHING else None
    with cast.scope():
        ExecutionRequest.objects.filter(pk=request.pk).update(status=status, chunk=chunk)
        request.refresh_from_db()
    return request
