"""The dead-man's switch: where nobody who may decide was seen for long, what runs alone waits."""

from typing import Any

import pytest

from execution.alerts.resolving import resolve_over
from execution.models import Alert, ExecutionRequest, ProviderAccount
from execution.services.policies import publish
from execution.states import Status
from tests.builders import Cast
from tests.console.browsing import Console
from tests.execution.arranged import again, alerts, approved_email, drain_due, propose_email
from tests.machine.model import POLICIES
from tests.machine.recorder import Service
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.services import record_seen
from workspaces.settings_store import set_setting

HOUR = 3_600


@pytest.fixture(autouse=True)
def switched_on(cast: Cast, account: ProviderAccount) -> None:
    """Eight hours; nobody was seen yet."""
    set_setting(key="operator_absent_hours", value=8, workspace=cast.workspace, actor=cast.omar)


def alone(cast: Cast) -> ExecutionRequest:
    """A mail that the policy lets run alone."""
    publish(workspace=cast.workspace, actor=cast.omar, rules=POLICIES["alone"])
    request = propose_email(cast)
    assert request.runs_alone
    return request


def look_in(cast: Cast, name: str) -> None:
    record_seen(workspace_id=cast.workspace.pk, principal_id=getattr(cast, name).principal_id)


def test_it_goes_while_somebody_was_seen_lately(cast: Cast, service: Service, clock: StoppedClock) -> None:
    look_in(cast, "rosa")
    clock.advance(8 * HOUR - 1)
    alone(cast)
    drain_due(cast)
    assert len(service.calls) == 1


def test_it_waits_where_nobody_was(cast: Cast, service: Service, clock: StoppedClock) -> None:
    look_in(cast, "rosa")
    clock.advance(8 * HOUR)
    request = alone(cast)
    drain_due(cast)
    now = again(cast, request)
    assert (service.calls, now.status, now.wait_reason) == ([], Status.APPROVED, "no_operator")
    assert now.due_at is not None
    assert (now.due_at - database_now()).total_seconds() <= 60


@pytest.mark.parametrize("who", ["ada", "vic"])
def test_who_may_not_decide_does_not_count(cast: Cast, service: Service, who: str) -> None:
    look_in(cast, who)
    alone(cast)
    drain_due(cast)
    assert service.calls == []


def test_what_people_approved_goes_on(cast: Cast, service: Service, clock: StoppedClock) -> None:
    approved_email(cast)
    clock.advance(9 * HOUR)
    drain_due(cast)
    assert len(service.calls) == 1


def test_switched_off_it_holds_nothing(cast: Cast, service: Service) -> None:
    set_setting(key="operator_absent_hours", value=0, workspace=cast.workspace, actor=cast.omar)
    alone(cast)
    drain_due(cast)
    assert len(service.calls) == 1


def test_the_first_that_waits_is_told_once_and_it_ends_by_itself(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    alone(cast)
    drain_due(cast)
    alone(cast)
    drain_due(cast)
    with cast.scope():
        assert (alerts(cast), Alert.objects.get().count) == (["no_operator"], 1)
    assert resolve_over() == 0
    look_in(cast, "rosa")
    assert resolve_over() == 1


def test_somebody_back_at_the_console_wakes_it_at_once(
    cast: Cast, service: Service, django_capture_on_commit_callbacks: Any
) -> None:
    request = alone(cast)
    drain_due(cast)
    before = database_now()
    with django_capture_on_commit_callbacks(execute=True):
        Console(cast.user_of("rosa"), workspace=cast.workspace).get()
    due_at = again(cast, request).due_at
    assert due_at is not None
    assert before <= due_at <= database_now()
    drain_due(cast)
    assert len(service.calls) == 1


@pytest.mark.parametrize(("name", "words"), [("vic", True), ("rosa", False)])
def test_the_dashboard_says_so_to_whoever_may_not_decide(cast: Cast, service: Service, name: str, words: bool) -> None:
    alone(cast)
    drain_due(cast)
    page = Console(cast.user_of(name), workspace=cast.workspace).text()
    assert ("Nobody who may decide was seen for long." in page, ": 1 so far" in page) == (words, words)
