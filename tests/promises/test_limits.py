"""Limits under several drains at once: no window holds more than it may, and what waits says for what, until when."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from execution.models import Attempt, ExecutionRequest, LimitMark
from execution.services.limits import set_limit
from execution.states import Status
from tests.support.engine import Engine
from tests.support.racers import act
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

MOST, PERIOD = 30, 3


def most_in_a_window(times: Sequence[datetime], *, seconds: float) -> int:
    """The most of `times` that lie in any half-open window of that length."""
    times, length = sorted(times), timedelta(seconds=seconds)
    return max(sum(first <= at < first + length for at in times) for first in times)


def test_two_drains_at_once_never_pass_a_limit(engine: Engine):
    cast = engine.cast
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", count=MOST, period_seconds=PERIOD)
    ids = engine.approved_mails(3 * MOST)
    engine.race([act("execution.engine.drain:drain", manual=True)], [act("execution.engine.drain:drain", manual=True)])
    with workspace_scope(cast.workspace):
        waiting = list(ExecutionRequest.objects.filter(status=Status.APPROVED))
        assert {row.wait_reason for row in waiting} == {"limit:email_send"}
        last = LimitMark.objects.order_by("-at").values_list("at", flat=True)[0]
        assert all(row.due_at and row.due_at <= last + timedelta(seconds=PERIOD) for row in waiting)
    drains = [act("tests.support.racers:drain_until_all_is_sent", slug=cast.workspace.slug)]
    engine.race(drains, drains)
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
    with workspace_scope(cast.workspace):
        marks = list(LimitMark.objects.values_list("at", flat=True))
        attempts = list(Attempt.objects.values_list("marked_at", flat=True))
    assert len(marks) == len(attempts) == len(ids)
    assert most_in_a_window(marks, seconds=PERIOD) == MOST
