"""Limits that fill: said once in a window, and over once there is room."""

import pytest
from django.db import transaction

from execution.alerts.resolving import resolve_over
from execution.alerts.watching import watch_limits
from execution.engine.limits import take
from execution.models import Limit
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import alerts, propose_email, put
from tests.execution.test_limits import act, limit_of
from tests.support.clock import StoppedClock
from workspaces.scope import workspace_scope

SECONDS = 600


@pytest.fixture
def limit(cast: Cast) -> Limit:
    """The only limit of the workspace: 20 in ten minutes."""
    return limit_of(cast.workspace, count=20, seconds=SECONDS)


def fill(limit: Limit, places: int, **more: object) -> None:
    """Take that many places of a limit in one mark."""
    with workspace_scope(limit.workspace), transaction.atomic():
        take(limits=[limit], acts=[act(**more) for _ in range(places)])


@pytest.mark.parametrize(
    ("places", "kinds"), [(0, []), (17, []), (18, ["limit_near"]), (19, ["limit_near"]), (20, ["limit_reached"])]
)
def test_it_is_said_from_ninety_percent_on(
    cast: Cast, limit: Limit, clock: StoppedClock, places: int, kinds: list[str]
) -> None:
    fill(limit, places)
    watch_limits()
    assert alerts(cast) == kinds


def test_it_is_said_once_in_a_window(cast: Cast, limit: Limit, clock: StoppedClock) -> None:
    fill(limit, 20)
    assert [watch_limits() for _ in range(3)] == [1, 0, 0]


def test_one_that_emptied_and_filled_again_in_its_window_is_not_said_again(
    cast: Cast, limit: Limit, clock: StoppedClock
) -> None:
    fill(limit, 18)
    clock.advance(SECONDS - 1)
    watch_limits()
    clock.advance(1)
    assert resolve_over() == 1
    fill(limit, 18)
    assert watch_limits() == 0


def test_the_next_window_is_said_anew(cast: Cast, limit: Limit, clock: StoppedClock) -> None:
    fill(limit, 20)
    watch_limits()
    clock.advance(SECONDS)
    resolve_over()
    fill(limit, 20)
    assert watch_limits() == 1


@pytest.mark.parametrize("places", [18, 20])
def test_it_is_over_once_there_is_room(cast: Cast, limit: Limit, clock: StoppedClock, places: int) -> None:
    fill(limit, places)
    watch_limits()
    clock.advance(SECONDS - 1)
    assert resolve_over() == 0
    clock.advance(1)
    assert resolve_over() == 1


def test_it_is_not_over_while_something_waits_for_it(cast: Cast, limit: Limit, clock: StoppedClock) -> None:
    put(cast, propose_email(cast), status=Status.APPROVED, wait_reason="limit:mine")
    fill(limit, 20)
    watch_limits()
    clock.advance(SECONDS)
    assert resolve_over() == 0


def test_a_small_limit_is_never_nearly_reached(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, count=1, seconds=SECONDS)
    fill(limit, 1)
    watch_limits()
    assert alerts(cast) == ["limit_reached"]


def test_a_limit_on_each_contact_is_there_to_be_reached(cast: Cast, clock: StoppedClock) -> None:
    fill(limit_of(cast.workspace, "contact", seconds=SECONDS), 1, contact_id=cast.workspace.id)
    assert watch_limits() == 0


def test_everyone_a_mail_reaches_takes_a_place(cast: Cast, limit: Limit, clock: StoppedClock) -> None:
    with workspace_scope(limit.workspace), transaction.atomic():
        take(limits=[limit], acts=[act(*[f"p{n}@example.org" for n in range(20)])])
    watch_limits()
    assert alerts(cast) == ["limit_reached"]
