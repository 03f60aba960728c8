"""What the preview and the command say, and what the command deletes."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from execution.selectors import retention_preview
from execution.services.retention import retain
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import propose_email, put
from tests.execution.retention.arranged import YEARS, left, plan_of_two, rejected
from tests.support.clock import StoppedClock
from tests.support.many import multiply
from workspaces.clock import database_now


def test_the_preview_says_what_the_run_deletes(cast: Cast, clock: StoppedClock) -> None:
    _, requests = plan_of_two(cast)
    for request in requests:
        put(cast, request, status=Status.EXPIRED, settled_at=database_now())
    propose_email(cast)
    clock.advance(YEARS)
    with cast.scope():
        preview = retention_preview(workspace=cast.workspace)
    told = {line.kind: line.count for line in preview.lines if line.count}
    assert told == retain(workspace=cast.workspace)["demo"].deleted == {"requests": 2, "plans": 1}


def test_the_preview_counts_no_further_than_ten_thousand(cast: Cast) -> None:
    multiply(propose_email(cast), number=10_001, status=Status.SUCCEEDED, settled_ago=timedelta(days=800))
    with cast.scope():
        assert retention_preview(workspace=cast.workspace).lines[0].shown == "10,000+"


def test_the_command_says_what_would_go_and_deletes_nothing(cast: Cast, clock: StoppedClock, capsys: Any) -> None:
    request = rejected(cast)
    clock.advance(YEARS)
    call_command("retention", "--preview")
    assert left(cast) == {request.pk}
    told = capsys.readouterr().out
    assert "demo: keeps 730 days" in told
    assert "1  Requests that are over" in told


def test_the_command_deletes(cast: Cast, clock: StoppedClock, capsys: Any) -> None:
    rejected(cast)
    clock.advance(YEARS)
    call_command("retention", "--workspace", "demo")
    assert "demo: deleted 1 requests" in capsys.readouterr().out


def test_the_command_refuses_a_workspace_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call_command("retention", "--workspace", "nowhere")
