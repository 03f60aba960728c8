"""A gate's time to answer: when it is over people are told, and among them the member whom the gate names."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution.alerts.resolving import resolve_over
from execution.alerts.targets import person_target
from execution.alerts.telling import tell_due
from execution.alerts.unanswered import watch_unanswered
from execution.models import Alert
from execution.services import decisions
from execution.services.gates import update_gate
from tests.builders import Cast, OtherCast
from tests.execution.alerts.raising import deliveries, unread
from tests.execution.arranged import alerts, propose_email
from tests.support.clock import StoppedClock
from workspaces.errors import InvalidInput
from workspaces.models import Membership
from workspaces.services.members import change_member

pytestmark = pytest.mark.django_db
HOUR = 3_600
TITLE = "Nobody answers at HR_LANG in time"


@pytest.fixture(autouse=True)
def hourly(cast: Cast, clock: StoppedClock) -> None:
    """The gate of mails wants an answer within an hour, and names Vic, a viewer, for when there is none."""
    update_gate(
        workspace=cast.workspace, actor=cast.omar, name="HR_LANG", answer_within_seconds=HOUR, escalate_to="vic"
    )


def test_nothing_is_said_while_there_is_time(cast: Cast, clock: StoppedClock) -> None:
    propose_email(cast)
    clock.advance(HOUR - 1)
    assert watch_unanswered() == 0
    assert alerts(cast) == []


def test_all_that_are_late_at_a_gate_are_one_alert(cast: Cast, clock: StoppedClock) -> None:
    for _ in range(3):
        propose_email(cast)
    clock.advance(HOUR + 1)
    assert [watch_unanswered() for _ in range(3)] == [1, 0, 0]
    with cast.scope():
        alert = Alert.objects.get()
    assert (alert.kind, alert.title, alert.count) == ("unanswered", TITLE, 1)
    assert alert.detail.startswith("Requests there that wait for longer than it allows: 3.")


def test_it_is_told_again_when_more_are_late(cast: Cast, clock: StoppedClock) -> None:
    propose_email(cast)
    clock.advance(HOUR / 2)
    propose_email(cast)
    clock.advance(HOUR / 2 + 1)
    watch_unanswered()
    tell_due()
    clock.advance(HOUR / 2)
    assert watch_unanswered() == 1
    tell_due()
    with cast.scope():
        alert = Alert.objects.get()
    assert (alert.count, alert.rounds) == (2, 2)
    assert "allows: 2." in alert.detail


def test_the_member_whom_the_gate_names_is_told_by_mail_and_under_the_bell(cast: Cast, clock: StoppedClock) -> None:
    propose_email(cast)
    clock.advance(HOUR + 1)
    watch_unanswered()
    tell_due()
    assert person_target(cast.vic.principal_id) in {delivery.target for delivery in deliveries(cast)}
    assert unread(cast, cast.vic) == [TITLE]


def test_one_who_has_left_is_not_told(cast: Cast, clock: StoppedClock) -> None:
    membership = Membership.objects.get(workspace=cast.workspace, principal_id=cast.vic.principal_id)
    change_member(membership=membership, actor=cast.omar, is_active=False)
    propose_email(cast)
    clock.advance(HOUR + 1)
    watch_unanswered()
    assert tell_due() == 1
    assert person_target(cast.vic.principal_id) not in {delivery.target for delivery in deliveries(cast)}
    assert unread(cast, cast.vic) == []


def test_it_ends_once_all_are_answered(cast: Cast, clock: StoppedClock) -> None:
    first, second = propose_email(cast), propose_email(cast)
    clock.advance(HOUR + 1)
    watch_unanswered()
    decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=first.id, digest=first.digest)
    assert resolve_over() == 0
    decisions.reject(workspace=cast.workspace, actor=cast.rosa, request_id=second.id, digest=second.digest, reason="No")
    assert resolve_over() == 1


def test_each_workspace_hears_of_its_own(cast: Cast, other: OtherCast, clock: StoppedClock) -> None:
    propose_email(cast)
    clock.advance(HOUR + 1)
    watch_unanswered()
    with other.scope():
        assert not Alert.objects.exists()


def test_a_gate_names_only_members(cast: Cast, other: OtherCast) -> None:
    with pytest.raises(InvalidInput) as refused:
        update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", escalate_to="otto")
    assert set(refused.value.fields) == {"escalate_to"}


def test_looking_takes_as_many_statements_however_many_are_late(cast: Cast, clock: StoppedClock) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as taken:
            watch_unanswered()
        return len(taken)

    propose_email(cast)
    clock.advance(HOUR + 1)
    watch_unanswered()
    few = statements()
    for _ in range(5):
        propose_email(cast)
    clock.advance(HOUR + 1)
    watch_unanswered()
    assert statements() == few
