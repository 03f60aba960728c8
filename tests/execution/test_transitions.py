"""The one function that moves requests, where others move them at the same time, and where it is used wrongly."""

import threading

import pytest
from django.db import connection, transaction

from execution.errors import InvalidTransition
from execution.models import ExecutionRequest
from execution.signals import request_settled
from execution.states import Status
from execution.transitions import move
from tests.builders import Cast, make_cast
from tests.execution.arranged import propose_email
from workspaces.actors import system_actor
from workspaces.models import AuditEntry
from workspaces.scope import workspace_scope


def withdraw(cast: Cast, *requests: ExecutionRequest, **more: object) -> list[object]:
    arguments: dict[str, object] = {"to": Status.CANCELLED, "action": "request.cancelled", **more}
    with cast.scope(), transaction.atomic():
        return list(
            move(
                workspace_id=cast.workspace.id,
                ids=[request.id for request in requests],
                actor=system_actor("tests"),
                **arguments,  # type: ignore[arg-type]
            )
        )


def test_it_is_refused_outside_a_transaction(live_db: str) -> None:
    cast = make_cast()
    request = propose_email(cast)
    with cast.scope(), pytest.raises(RuntimeError, match="in a transaction"):
        move(
            workspace_id=cast.workspace.id,
            ids=[request.id],
            to=Status.CANCELLED,
            action="request.cancelled",
            actor=system_actor("tests"),
        )


def test_an_action_that_nobody_registered_moves_nothing(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(ValueError, match="Register the audit action"):
        withdraw(cast, request, action="request.forgotten")
    with cast.scope():
        request.refresh_from_db()
    assert request.status == Status.PENDING


def test_a_condition_that_does_not_hold_is_a_refusal(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(InvalidTransition):
        withdraw(cast, request, conditions={"revision": 2})


def test_only_some_sources_may_be_allowed(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(InvalidTransition):
        withdraw(cast, request, only_from=[Status.APPROVED])


def test_where_it_may_be_lenient_the_others_move(cast: Cast) -> None:
    waiting, gone = propose_email(cast), propose_email(cast)
    withdraw(cast, gone)
    assert withdraw(cast, waiting, gone, strict=False) == [waiting.id]


def test_where_nothing_moves_nothing_is_recorded(cast: Cast) -> None:
    gone = propose_email(cast)
    withdraw(cast, gone)
    before = AuditEntry.objects.count()
    assert withdraw(cast, gone, strict=False) == []
    assert AuditEntry.objects.count() == before


def test_a_request_of_another_workspace_does_not_move(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(InvalidTransition), transaction.atomic(), workspace_scope(cast.workspace):
        move(
            workspace_id=cast.alice.id,
            ids=[request.id],
            to=Status.CANCELLED,
            action="request.cancelled",
            actor=system_actor("tests"),
        )


def test_the_refusal_says_where_it_stands(cast: Cast) -> None:
    request = propose_email(cast)
    withdraw(cast, request)
    with pytest.raises(InvalidTransition) as refused:
        withdraw(cast, request)
    assert "This request is withdrawn" in refused.value.detail


def test_the_apps_above_hear_of_it_after_the_commit(cast: Cast, django_capture_on_commit_callbacks: object) -> None:
    heard: list[object] = []
    request = propose_email(cast)

    def listen(*, request_ids: object, status: object, **kwargs: object) -> None:
        heard.append((request_ids, status))

    request_settled.connect(listen, weak=False, dispatch_uid="tests")
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            withdraw(cast, request)
            assert heard == []
    finally:
        request_settled.disconnect(dispatch_uid="tests")
    assert heard == [([request.id], Status.CANCELLED)]


@pytest.mark.race
def test_of_many_at_once_one_moves_it(live_db: str) -> None:
    cast = make_cast()
    request = propose_email(cast)
    moved: list[object] = []
    together = threading.Barrier(8)

    def try_it() -> None:
        try:
            together.wait(30)
            moved.extend(withdraw(cast, request))
        except InvalidTransition:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert moved == [request.id]
    assert AuditEntry.objects.filter(action="request.cancelled", subject_id=request.id).count() == 1
