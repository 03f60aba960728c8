"""Alerts end by themselves once their cause is gone, and not before."""

from datetime import timedelta
from typing import Any

import pytest

from execution.alerts.resolving import resolve_over
from execution.models import Alert, ExecutionRequest, ProviderAccount
from execution.services.accounts import resume_account, stop_account
from execution.services.holds import release_hold, set_hold
from execution.services.lifecycle import resolve as settle_uncertain
from execution.states import Status
from tests.builders import Cast
from tests.execution.alerts.raising import now, raised
from tests.execution.arranged import approved_email, drain_due, propose_email, put
from tests.machine.recorder import Answer, Service
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.django_db


def is_over(cast: Cast, **fields: Any) -> bool:
    """Raise it, look, and say whether it ended at once."""
    alert = raised(cast, **fields)
    resolve_over()
    return now(cast, alert).resolved_at is not None


def test_an_uncertain_one_ends_when_a_person_settles_it(cast: Cast, service: Service, account: ProviderAccount) -> None:
    request = approved_email(cast)
    service.script.before = lambda call: Answer.LOST_UNANSWERED
    drain_due(cast)
    resolve_over()
    with cast.scope():
        alert = Alert.objects.get(kind="uncertain")
    assert alert.resolved_at is None
    settle_uncertain(
        workspace=cast.workspace, actor=cast.rosa, request_id=request.pk, outcome="was_sent", reason="It is in the log."
    )
    assert resolve_over() == 1
    assert now(cast, alert).resolution == "A person settles the request."


@pytest.mark.parametrize(
    ("kind", "status", "stands"),
    [
        ("request_failed", Status.FAILED, True),
        ("request_failed", Status.APPROVED, False),
        ("approval_void", Status.PENDING, True),
        ("approval_void", Status.REJECTED, False),
        ("uncertain", Status.SUCCEEDED, False),
        ("unreadable", Status.CANCELLED, False),
        ("seal_mismatch", Status.CANCELLED, True),
    ],
)
def test_an_alert_about_a_request_goes_by_the_requests_state(
    cast: Cast, kind: str, status: Status, stands: bool
) -> None:
    request: ExecutionRequest = propose_email(cast)
    put(cast, request, status=status)
    assert is_over(cast, kind=kind, request_id=request.pk) is not stands


def test_it_ends_when_the_account_is_resumed(cast: Cast, account: ProviderAccount) -> None:
    stop_account(workspace=cast.workspace, actor=cast.rosa, account_id=account.pk, reason="x")
    alert = raised(cast, kind="account_stopped", fingerprint=f"account:{account.pk}")
    assert resolve_over() == 0
    resume_account(workspace=cast.workspace, actor=cast.rosa, account_id=account.pk)
    resolve_over()
    assert now(cast, alert).resolved_at is not None


def test_it_ends_when_the_default_accounts_hold_is_released(cast: Cast) -> None:
    where: Any = {"scope": "account:default", "actor": cast.rosa, "workspace": cast.workspace, "reason": "x"}
    set_hold(**where)
    alert = raised(cast, kind="account_stopped", fingerprint="account:default")
    resolve_over()
    assert now(cast, alert).resolved_at is None
    release_hold(**where)
    resolve_over()
    assert now(cast, alert).resolved_at is not None


def test_it_ends_when_nothing_waits_for_the_limit_any_more(cast: Cast) -> None:
    request = propose_email(cast)
    put(cast, request, status=Status.APPROVED, wait_reason="limit:hourly")
    alert = raised(cast, kind="limit_reached", fingerprint="limit:hourly")
    resolve_over()
    assert now(cast, alert).resolved_at is None
    put(cast, request, wait_reason="")
    resolve_over()
    assert now(cast, alert).resolved_at is not None


def test_news_is_over_after_a_day(cast: Cast, clock: StoppedClock) -> None:
    alert = raised(cast, kind="hold_released")
    clock.advance(timedelta(hours=23).total_seconds())
    assert resolve_over() == 0
    clock.advance(timedelta(hours=1).total_seconds())
    resolve_over()
    assert now(cast, alert).resolved_at is not None


def test_nobody_is_told_of_what_is_over(cast: Cast) -> None:
    request = propose_email(cast)
    alert = raised(cast, kind="uncertain", request_id=request.pk)
    resolve_over()
    assert now(cast, alert).tell_at is None


def test_a_kind_that_no_code_knows_waits_for_a_person(cast: Cast) -> None:
    assert not is_over(cast, kind="of_another_version")
