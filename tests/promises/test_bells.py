"""Bells and suppressions under several processes: a bell rung again calls nobody, the first suppression wins."""

from datetime import UTC, datetime

import pytest

from execution.models import Attempt
from execution.states import Status
from tests.support.engine import Engine
from tests.support.racers import act
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race


def test_a_bell_that_many_workers_hear_many_times_calls_once(engine: Engine):
    ids = engine.approved_mails(120)
    engine.race(*[[act("execution.tasks:drain_due")] * 4] * 6)
    assert engine.with_status(Status.SUCCEEDED) == set(ids)
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
    with workspace_scope(engine.cast.workspace):
        assert Attempt.objects.count() == len(ids)


def suppress_while_sending(engine: Engine, rounds: int) -> tuple[int, int]:
    """Each round one address is suppressed while two drains send to it. Returns how many were sent, how many not."""
    ids = engine.approved_mails(rounds, domain="example.net")
    addresses = {i: engine.read(i).to for i in ids}
    suppressions = [
        act(
            "contacts.services:suppress",
            workspace=engine.cast.workspace.slug,
            actor="human:ada",
            kind="email",
            address=addresses[i],
            reason="opt_out",
            source="a letter",
        )
        for i in ids
    ]
    slug = engine.cast.workspace.slug
    sends = [act("tests.promises.test_bells:send_one", slug=slug, request_id=str(i)) for i in ids]
    ended = engine.race(suppressions, sends, sends)
    assert {one.error for one in ended} == {""}
    in_force = {ids[one.round]: datetime.fromtimestamp(one.ended, tz=UTC) for one in ended if one.racer == 0}
    sent = engine.sink.copies()
    with workspace_scope(engine.cast.workspace):
        marks = dict(Attempt.objects.values_list("request_id", "marked_at"))
    assert set(sent.values()) <= {1}
    for request_id in sent:
        assert marks[request_id] < in_force[request_id], "it was marked after the suppression was committed"
    assert engine.with_status(Status.SUCCEEDED) == set(sent)
    # By whoever came first: the one who suppressed it, or the claim, whose policy refuses it.
    assert engine.with_status(Status.CANCELLED) | engine.with_status(Status.REFUSED) == set(ids) - set(sent)
    return len(sent), len(ids) - len(sent)


def send_one(*, slug: str, request_id: str) -> None:
    """A drain for one request; called in racing processes."""
    from uuid import UUID

    from execution.engine.drain import drain
    from workspaces.models import Workspace

    drain(manual=True, workspace=Workspace.objects.get(slug=slug), request_ids=[UUID(request_id)], lanes=1)


def test_a_suppression_committed_before_the_mark_wins(engine: Engine):
    suppress_while_sending(engine, 40)


@pytest.mark.faults
def test_a_suppression_committed_before_the_mark_wins_every_time(engine: Engine):
    sent, cancelled = suppress_while_sending(engine, 500)
    assert sent
    assert cancelled
