"""What each answer of a provider makes of a request."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from execution.engine.journal import Journal
from execution.engine.outcomes import of_error, of_preparation
from execution.engine.preflight import preflight
from execution.engine.recover import recover_dead_workers
from execution.engine.settle import BACKOFF_BASE_SECONDS, BACKOFF_MOST_SECONDS, backoff
from execution.models import AccountState, Alert, Attempt, AttemptState, ExecutionRequest, ProviderAccount, Worker
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, Transient
from execution.services.accounts import resume_account
from execution.services.failures import account_throttled
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import again, alerts, approved_email, drain_due
from tests.machine.recorder import Answer, Call, Service
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import InvalidInput
from workspaces.settings_store import set_setting

UNKNOWN = [Answer.DONE_UNANSWERED, Answer.LOST_UNANSWERED, Answer.CRASH]


@pytest.fixture
def request_sent(cast: Cast, account: ProviderAccount) -> ExecutionRequest:
    """A mail that was approved and is due through the recording account."""
    return approved_email(cast)


class Killed(BaseException):
    """As by SIGKILL: nothing of the engine's gets to tidy up."""


def die_in_the_call(service: Service) -> None:
    def die(call: Call) -> Answer:
        raise Killed

    service.script.before = die


def answer(service: Service, *answers: Answer) -> None:
    """The service's next answers; after them it takes everything."""
    left = list(answers)
    service.script.before = lambda call: left.pop(0) if left else Answer.OK


def attempts(cast: Cast, request: ExecutionRequest) -> list[Attempt]:
    with cast.scope():
        return list(Attempt.objects.filter(request=request).order_by("number"))


# It went out.


def test_it_is_done_once_the_service_took_it(cast: Cast, service: Service, request_sent: ExecutionRequest) -> None:
    drain_due(cast)
    done = again(cast, request_sent)
    (attempt,) = attempts(cast, done)
    assert (done.status, done.is_dry_run, done.last_error, done.chunk) == (Status.SUCCEEDED, False, "", None)
    assert (attempt.state, attempt.provider_message_id, attempt.response) == (
        AttemptState.SUCCEEDED,
        "m1",
        "250 taken",
    )


def test_it_hands_over_the_frozen_bytes_and_everyone_they_go_to(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    request = approved_email(cast, payload={"subject": "Hi", "text": "Dear Alice,\n", "bcc": ["c@example.net"]})
    drain_due(cast)
    (call,) = service.calls
    assert (list(call.act.to), call.act.sender) == (["alice@example.org", "c@example.net"], "office@example.org")
    assert call.act.idempotency_key == str(request.id)
    assert b"Subject: Hi" in b"".join(call.act.wire or [])
    assert call.account.password == "a secret of the tests"


def test_it_does_nothing_twice(cast: Cast, service: Service, request_sent: ExecutionRequest) -> None:
    drain_due(cast)
    drain_due(cast)
    drain_due(cast, request_sent)
    assert len(service.calls) == 1


# It definitely did not, and may well later.


def test_it_tries_again_later_after_a_passing_failure(
    cast: Cast, clock: StoppedClock, service: Service, request_sent: ExecutionRequest
) -> None:
    answer(service, Answer.BUSY)
    drain_due(cast)
    waits = again(cast, request_sent)
    assert waits.due_at is not None
    wait = (waits.due_at - database_now()).total_seconds()
    assert (waits.status, waits.wait_reason, waits.attempts_made) == (Status.APPROVED, "backoff", 1)
    assert BACKOFF_BASE_SECONDS / 2 <= wait <= BACKOFF_BASE_SECONDS
    assert waits.last_error == "Busy. Nothing was sent."


def test_it_waits_the_backoff_out_and_then_goes(
    cast: Cast, clock: StoppedClock, service: Service, request_sent: ExecutionRequest
) -> None:
    answer(service, Answer.BUSY)
    drain_due(cast)
    drain_due(cast)
    assert len(service.calls) == 1
    clock.advance(BACKOFF_BASE_SECONDS)
    drain_due(cast)
    assert again(cast, request_sent).status == Status.SUCCEEDED
    assert [a.number for a in attempts(cast, request_sent)] == [1, 2]


@pytest.mark.parametrize("most", [1, 3])
def test_it_fails_after_as_many_tries_as_the_workspace_allows(
    cast: Cast, clock: StoppedClock, service: Service, account: ProviderAccount, most: int
) -> None:
    set_setting(key="max_attempts", value=most, workspace=cast.workspace, actor=cast.omar)
    request = approved_email(cast)
    answer(service, *[Answer.BUSY] * 9)
    for _ in range(9):
        drain_due(cast)
        clock.advance(BACKOFF_MOST_SECONDS)
    assert again(cast, request).status == Status.FAILED
    assert len(service.calls) == most
    assert alerts(cast) == ["request_failed"]


def test_it_does_not_count_a_try_that_was_told_to_slow_down(
    cast: Cast, clock: StoppedClock, service: Service, request_sent: ExecutionRequest
) -> None:
    answer(service, *[Answer.SLOW_DOWN] * 9)
    for _ in range(9):
        drain_due(cast)
        waits = again(cast, request_sent)
        assert waits.due_at is not None
        assert (waits.status, waits.wait_reason, waits.attempts_made) == (Status.APPROVED, "throttled", 0)
        assert (waits.due_at - database_now()).total_seconds() == 30
        clock.advance(30)
    drain_due(cast)
    assert again(cast, request_sent).status == Status.SUCCEEDED


def test_it_calls_nothing_more_through_an_account_that_was_told_to_slow_down(
    cast: Cast, clock: StoppedClock, service: Service, account: ProviderAccount
) -> None:
    requests = [approved_email(cast) for _ in range(3)]
    answer(service, Answer.SLOW_DOWN)
    drain_due(cast)
    later = approved_email(cast)
    drain_due(cast)
    drain_due(cast, later)
    found = [again(cast, r) for r in (*requests, later)]
    assert len(service.calls) == 1
    assert {(r.status, r.wait_reason, r.attempts_made) for r in found} == {(Status.APPROVED, "throttled", 0)}
    assert {r.due_at for r in found} == {database_now() + timedelta(seconds=30)}


def test_it_says_until_when_the_service_asked_the_account_to_wait(
    cast: Cast, clock: StoppedClock, service: Service, request_sent: ExecutionRequest
) -> None:
    answer(service, Answer.SLOW_DOWN)
    drain_due(cast)
    later = approved_email(cast)
    drain_due(cast)
    foretold = preflight(request=again(cast, later))
    (stop,) = [check for check in foretold.checks if not check.ok]
    assert (stop.name, foretold.earliest) == ("account", database_now() + timedelta(seconds=30))
    assert "asked the account Recorder to wait until" in stop.detail


def test_everything_goes_once_the_pause_of_the_account_is_over(
    cast: Cast, clock: StoppedClock, service: Service, account: ProviderAccount
) -> None:
    requests = [approved_email(cast) for _ in range(3)]
    answer(service, Answer.SLOW_DOWN)
    drain_due(cast)
    clock.advance(30)
    drain_due(cast)
    assert {again(cast, r).status for r in requests} == {Status.SUCCEEDED}
    assert alerts(cast) == []


def test_a_shorter_pause_does_not_shorten_the_one_asked_for_before(
    cast: Cast, clock: StoppedClock, account: ProviderAccount
) -> None:
    with cast.scope():
        for seconds in (60.0, 10.0):
            account_throttled(workspace=cast.workspace, account=account, seconds=seconds)
        account.refresh_from_db()
    assert account.throttled_until == database_now() + timedelta(seconds=60)


@pytest.mark.parametrize("tries", [1, 2, 5, 8, 20])
def test_it_waits_longer_after_each_try_up_to_an_hour(tries: int) -> None:
    ceiling = min(3_600, 30 * 2 ** min(tries - 1, 10))
    waits = [backoff(tries=tries).total_seconds() for _ in range(50)]
    assert ceiling / 2 <= min(waits) <= max(waits) <= ceiling
    assert len(set(waits)) > 40  # spread, so that many never come back at once


# It definitely did not, and never will.


def test_it_fails_at_once_after_a_final_answer(cast: Cast, service: Service, request_sent: ExecutionRequest) -> None:
    answer(service, Answer.NEVER)
    drain_due(cast)
    failed = again(cast, request_sent)
    (attempt,) = attempts(cast, failed)
    assert (failed.status, failed.last_error) == (Status.FAILED, "No such mailbox. Nothing was sent.")
    assert (attempt.state, attempt.error_kind) == (AttemptState.FAILED, "permanent")
    assert alerts(cast) == ["request_failed"]


# Nobody can know.


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_it_is_uncertain_where_nobody_can_know(
    cast: Cast, clock: StoppedClock, service: Service, request_sent: ExecutionRequest, unknown: Answer
) -> None:
    answer(service, unknown)
    drain_due(cast)
    assert again(cast, request_sent).status == Status.UNCERTAIN
    assert [a.state for a in attempts(cast, request_sent)] == [AttemptState.UNCERTAIN]
    with cast.scope():
        alert = Alert.objects.get()
    assert (alert.kind, alert.severity, alert.request_id) == ("uncertain", "critical", request_sent.id)


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_it_never_tries_an_uncertain_one_again_by_itself(
    cast: Cast, clock: StoppedClock, service: Service, request_sent: ExecutionRequest, unknown: Answer
) -> None:
    answer(service, unknown)
    for _ in range(3):
        drain_due(cast)
        drain_due(cast, request_sent)
        clock.advance(BACKOFF_MOST_SECONDS)
    assert len(service.calls) == 1


def test_it_does_the_others_where_one_is_uncertain(cast: Cast, service: Service, account: ProviderAccount) -> None:
    requests = [approved_email(cast) for _ in range(3)]
    answer(service, Answer.OK, Answer.CRASH)
    drain_due(cast)
    found = [again(cast, r).status for r in requests]
    assert found == [Status.SUCCEEDED, Status.UNCERTAIN, Status.SUCCEEDED]


# The account is at fault.


def test_it_stops_an_account_that_the_service_refuses(
    cast: Cast, service: Service, account: ProviderAccount, request_sent: ExecutionRequest
) -> None:
    answer(service, Answer.BAD_ACCOUNT)
    drain_due(cast)
    with cast.scope():
        account.refresh_from_db()
    waits = again(cast, request_sent)
    assert (account.state, waits.status, waits.attempts_made) == (AccountState.STOPPED, Status.APPROVED, 0)
    assert alerts(cast) == ["account_stopped"]


def test_it_waits_for_the_account_and_goes_once_a_person_resumes_it(
    cast: Cast, clock: StoppedClock, service: Service, account: ProviderAccount, request_sent: ExecutionRequest
) -> None:
    answer(service, Answer.BAD_ACCOUNT)
    drain_due(cast)
    clock.advance(BACKOFF_MOST_SECONDS)
    drain_due(cast)
    assert (len(service.calls), again(cast, request_sent).wait_reason) == (1, "account_stopped")
    resume_account(workspace=cast.workspace, actor=cast.omar, account_id=account.id)
    drain_due(cast)
    assert again(cast, request_sent).status == Status.SUCCEEDED


def test_it_calls_no_more_of_a_chunk_once_the_account_was_refused(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    requests = [approved_email(cast) for _ in range(3)]
    answer(service, Answer.BAD_ACCOUNT)
    drain_due(cast)
    found = [again(cast, r) for r in requests]
    assert len(service.calls) == 1
    assert {(r.status, r.wait_reason, r.attempts_made) for r in found} == {(Status.APPROVED, "account_stopped", 0)}


def test_a_recovery_stops_an_account_that_the_dead_worker_had_seen_refused(
    cast: Cast, service: Service, account: ProviderAccount, request_sent: ExecutionRequest
) -> None:
    die_in_the_call(service)
    with pytest.raises(Killed):
        drain_due(cast)
    (attempt,) = attempts(cast, request_sent)
    worker = Worker.objects.get(pk=attempt.worker)
    Journal(Path(worker.journal)).ended(attempt.id, of_error(Misconfigured("Wrong password.")).as_json())
    Worker.objects.update(lease_until=database_now() - timedelta(seconds=1))
    recover_dead_workers()
    with cast.scope():
        account.refresh_from_db()
    assert (account.state, again(cast, request_sent).status) == (AccountState.STOPPED, Status.APPROVED)
    assert alerts(cast) == ["account_stopped"]


@pytest.mark.parametrize(
    ("silent", "becomes"), [(60, Status.DISPATCHING), (119, Status.DISPATCHING), (121, Status.UNCERTAIN)]
)
def test_a_host_that_is_cut_off_has_two_minutes_to_read_its_own_journal(
    cast: Cast, service: Service, request_sent: ExecutionRequest, silent: int, becomes: Status
) -> None:
    die_in_the_call(service)
    with pytest.raises(Killed):
        drain_due(cast)
    Worker.objects.update(host="elsewhere", lease_until=database_now() - timedelta(seconds=silent))
    recover_dead_workers()
    assert again(cast, request_sent).status == becomes


# The words for it.


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Transient("Busy."), "transient"),
        (Transient("Busy.", retry_after=0.0), "throttled"),
        (Permanent("Never."), "permanent"),
        (Misconfigured("Wrong password."), "misconfigured"),
        (Ambiguous("No answer."), "ambiguous"),
        (ZeroDivisionError("a bug"), "ambiguous"),
        (TimeoutError("slow"), "ambiguous"),
        (SystemExit(1), "ambiguous"),
        (InvalidInput("ours"), "ambiguous"),
    ],
)
def test_every_error_of_a_call_has_its_meaning(error: BaseException, kind: str) -> None:
    assert of_error(error).kind == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidInput("No key opens the secret."), "misconfigured"),
        (Misconfigured("No such host."), "misconfigured"),
        (Permanent("Never."), "permanent"),
        (KeyError("payload"), "transient"),
    ],
)
def test_what_breaks_before_a_call_is_never_uncertain(error: Exception, kind: str) -> None:
    assert of_preparation(error).kind == kind


def test_it_tells_nobody_what_an_unexpected_error_said() -> None:
    told: dict[str, Any] = of_error(ZeroDivisionError("a secret")).as_json()
    assert "a secret" not in str(told)
