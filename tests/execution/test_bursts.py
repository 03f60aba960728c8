"""Too many failures in a row: the machine stops what fails, says so, and only a person lets it go on."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from execution.engine.drain import drain
from execution.models import Alert, ExecutionPlan, ExecutionRequest, Hold, ProviderAccount
from execution.services.accounts import save_account
from execution.services.holds import release_hold
from execution.services.limits import set_limit
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import alerts, approved_email, put
from tests.machine.recorder import Answer, Call, Service
from tests.support.clock import StoppedClock
from workspaces.actors import system_actor
from workspaces.errors import NotPermitted
from workspaces.settings_store import set_setting


@pytest.fixture(autouse=True)
def room(cast: Cast, account: ProviderAccount) -> None:
    """No limit is in the way."""
    period: dict[str, Any] = {"scope": "channel:email", "count": 1_000, "period_seconds": 60}
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", **period)


def mails(cast: Cast, number: int, **more: Any) -> list[ExecutionRequest]:
    return [approved_email(cast, **more) for _ in range(number)]


def in_order(cast: Cast, clock: StoppedClock, requests: Sequence[ExecutionRequest]) -> None:
    """Have them claimed in this order."""
    for place, request in enumerate(requests):
        put(cast, request, due_at=clock_start(request) + timedelta(milliseconds=place))


def clock_start(request: ExecutionRequest) -> Any:
    assert request.due_at is not None
    return request.due_at - timedelta(hours=1)


def work(cast: Cast) -> None:
    drain(workspace=cast.workspace, lanes=1)


def answers(*given: Answer) -> Callable[[Call], Answer]:
    left = list(given)
    return lambda call: left.pop(0) if left else Answer.OK


def holds(cast: Cast) -> list[str]:
    rows = Hold.objects.filter(workspace=cast.workspace, released_at=None).select_related("workspace")
    return [hold.address for hold in rows]


def test_ten_failures_hold_the_account_and_the_eleventh_call_is_not_made(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    requests = mails(cast, 25)
    service.script.before = lambda call: Answer.NEVER
    work(cast)
    assert len(service.calls) == 10
    assert holds(cast) == [f"account:{account.pk}"]
    with cast.scope():
        hold = Hold.objects.get()
        alert = Alert.objects.get(kind="error_burst")
        left = ExecutionRequest.objects.filter(pk__in=[r.pk for r in requests], status=Status.APPROVED)
        assert {r.wait_reason for r in left} == {"hold:account"}
    assert hold.reason.startswith("10 of the last 10 calls failed. The last one: No such mailbox.")
    assert (alert.severity, "Recorder" in alert.title) == ("critical", True)


@pytest.mark.parametrize(
    ("given", "stopped"),
    [
        ([Answer.NEVER] * 9, False),
        ([Answer.NEVER, Answer.OK] * 10, True),
        ([Answer.NEVER, Answer.OK, Answer.OK] * 10, False),
        ([Answer.BUSY] * 10, True),
        ([Answer.SLOW_DOWN] * 15, False),
        ([Answer.LOST_UNANSWERED] * 15, False),
    ],
)
def test_it_counts_definite_failures_among_the_last_twenty_calls(
    cast: Cast, service: Service, given: list[Answer], stopped: bool
) -> None:
    mails(cast, len(given))
    service.script.before = answers(*given)
    work(cast)
    assert bool(holds(cast)) is stopped


def test_only_a_person_lets_it_go_on_and_then_it_counts_anew(
    cast: Cast, clock: StoppedClock, service: Service, account: ProviderAccount
) -> None:
    mails(cast, 25)
    service.script.before = lambda call: Answer.NEVER
    work(cast)
    scope: dict[str, Any] = {"scope": f"account:{account.pk}", "reason": "Mended.", "workspace": cast.workspace}
    with pytest.raises(NotPermitted):
        release_hold(**scope, actor=system_actor("executor"))
    clock.advance(1)
    release_hold(**scope, actor=cast.rosa)
    clock.advance(1)
    service.script.before = answers(*[Answer.NEVER] * 9)
    work(cast)
    assert holds(cast) == []
    assert len(service.calls) == 25


def test_what_failed_long_ago_does_not_count(cast: Cast, clock: StoppedClock, service: Service) -> None:
    mails(cast, 9)
    service.script.before = lambda call: Answer.NEVER
    work(cast)
    clock.advance(11 * 60)
    mails(cast, 9)
    work(cast)
    assert (holds(cast), len(service.calls)) == ([], 18)


def test_the_setting_says_how_many_and_nought_never(cast: Cast, service: Service) -> None:
    set_setting(key="error_burst_failures", value=3, workspace=cast.workspace, actor=cast.omar)
    mails(cast, 8)
    service.script.before = lambda call: Answer.NEVER
    work(cast)
    assert len(service.calls) <= 5
    assert len(holds(cast)) == 1


def test_nought_switches_it_off(cast: Cast, service: Service) -> None:
    set_setting(key="error_burst_failures", value=0, workspace=cast.workspace, actor=cast.omar)
    mails(cast, 15)
    service.script.before = lambda call: Answer.NEVER
    work(cast)
    assert (holds(cast), len(service.calls)) == ([], 15)


def test_a_plan_that_fails_is_held_and_the_rest_of_its_account_goes_on(
    cast: Cast, clock: StoppedClock, service: Service
) -> None:
    with cast.scope():
        plan = ExecutionPlan.objects.create(
            workspace=cast.workspace, title="Bees", proposed_by_id=cast.ada.principal_id
        )
    requests = mails(cast, 42)
    of_plan = {str(request.pk) for request in requests[::3]}
    for request in requests[::3]:
        put(cast, request, plan=plan)
    in_order(cast, clock, requests)
    service.script.before = lambda call: Answer.NEVER if call.act.request_id in of_plan else Answer.OK
    work(cast)
    assert holds(cast) == [f"plan:{plan.pk}"]
    called = [call.act.request_id for call in service.calls]
    assert len(of_plan & set(called)) < len(of_plan)
    assert len(set(called) - of_plan) == 28


def test_a_channel_is_held_where_several_accounts_fail(cast: Cast, service: Service, account: ProviderAccount) -> None:
    second = save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Second",
        channel="email",
        provider="recorder",
        host="mail.example.org",
        security="none",
        from_email="second@example.org",
    )
    mails(cast, 6)
    mails(cast, 6, account=second.pk)
    service.script.before = lambda call: Answer.NEVER
    work(cast)
    assert holds(cast) == ["channel:email"]
    assert alerts(cast).count("error_burst") == 1
