"""The runs of agents go with their drafts, once what came of them has gone."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import AgentRun, Draft, LlmCall
from campaigns.states import RunStatus
from execution.models import ExecutionRequest
from execution.selectors import retention_preview
from execution.services.retention import retain
from execution.states import Status
from tests.builders import Cast, OtherCast
from tests.campaigns.world import make_run, run_outreach
from tests.support.clock import StoppedClock
from workspaces.clock import database_now

YEARS = timedelta(days=800).total_seconds()  # longer than a workspace keeps by itself


def settle(cast: Cast, **where: Any) -> None:
    with cast.scope():
        rows = ExecutionRequest.objects.filter(**where)
        rows.update(status=Status.REJECTED, settled_at=database_now())


def runs(cast: Cast) -> int:
    with cast.scope():
        return AgentRun.objects.count()


def test_a_run_goes_with_its_drafts_after_its_requests(cast: Cast, clock: StoppedClock) -> None:
    run = run_outreach(cast)
    settle(cast)
    with cast.scope():
        LlmCall.objects.create(workspace=cast.workspace, run=run, at=database_now(), cost_micros=12)
    clock.advance(YEARS)
    with cast.scope():
        preview = retention_preview(workspace=cast.workspace)
        assert {line.kind: line.count for line in preview.lines}["agent runs"] == 0  # its requests are still there
        deleted = retain(workspace=cast.workspace)["demo"].deleted
        assert (deleted["agent runs"], AgentRun.objects.count(), Draft.objects.count()) == (1, 0, 0)
        assert [(call.run_id, call.cost_micros) for call in LlmCall.objects.all()] == [(None, 12)]


def test_a_run_stays_as_long_as_one_of_its_requests(cast: Cast, clock: StoppedClock) -> None:
    run_outreach(cast)
    with cast.scope():
        first, *_ = ExecutionRequest.objects.order_by("id")
    settle(cast, pk=first.pk)
    clock.advance(YEARS)
    assert "agent runs" not in retain(workspace=cast.workspace)["demo"].deleted
    assert runs(cast) == 1


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_a_run_that_is_not_over_stays(cast: Cast, clock: StoppedClock, status: RunStatus) -> None:
    run = make_run(cast)
    with cast.scope():
        AgentRun.objects.filter(pk=run.pk).update(status=status)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    assert runs(cast) == 1


def test_a_run_that_ended_lately_stays(cast: Cast, clock: StoppedClock) -> None:
    run = make_run(cast)
    clock.advance(YEARS)
    with cast.scope():
        AgentRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED, ended_at=database_now())
    retain(workspace=cast.workspace)
    assert runs(cast) == 1


def test_the_other_workspace_is_left_alone(cast: Cast, other: OtherCast, clock: StoppedClock) -> None:
    run = make_run(cast)
    with cast.scope():
        AgentRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED, ended_at=database_now())
    clock.advance(YEARS)
    retain(workspace=other.workspace)
    assert runs(cast) == 1
