"""What people do with a request besides deciding: withdraw, undo, run, retry, settle what is uncertain."""

from datetime import timedelta
from typing import Any

import pytest

from execution.engine.sweep import sweep
from execution.models import Attempt, ExecutionRequest, GateState, RequestGate
from execution.services import lifecycle
from execution.states import Status
from tests.builders import Cast, OtherCast
from tests.execution.arranged import again, approved_email, drain_due, propose_email, put
from tests.machine.recorder import Answer, Service
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.usefixtures("account")


def says(service: Service, answer: Answer) -> None:
    service.script.before = lambda call: answer


def entry(request: ExecutionRequest, action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action, subject_id=request.pk)


def undoable(cast: Cast, seconds: int = 30) -> ExecutionRequest:
    set_setting(key="undo_seconds.email", value=seconds, workspace=cast.workspace, actor=cast.omar)
    return approved_email(cast)


def ended(cast: Cast, service: Service, answer: Answer) -> ExecutionRequest:
    """A mail that was carried out once, and to which the service answered so."""
    says(service, answer)
    request = approved_email(cast)
    drain_due(cast)
    says(service, Answer.OK)
    return again(cast, request)


# Withdrawing.


@pytest.mark.parametrize("who", ["ada", "rosa", "sam", "omar"])
def test_its_author_or_an_approver_withdraws_it(cast: Cast, who: str) -> None:
    request = propose_email(cast)
    after = lifecycle.cancel(workspace=cast.workspace, actor=getattr(cast, who), request_id=request.id, reason="Old.")
    assert (after.status, after.last_error) == (Status.CANCELLED, "Old.")
    with cast.scope():
        assert not RequestGate.objects.filter(request=request, state=GateState.OPEN).exists()


@pytest.mark.parametrize("who", ["vic", "crm", "writer"])
def test_nobody_else_withdraws_it(cast: Cast, who: str) -> None:
    request = propose_email(cast)
    with pytest.raises(NotPermitted):
        lifecycle.cancel(workspace=cast.workspace, actor=getattr(cast, who), request_id=request.id)
    assert again(cast, request).status == Status.PENDING


def test_an_agent_withdraws_what_it_proposed(cast: Cast) -> None:
    request = propose_email(cast, actor=cast.writer)
    after = lifecycle.cancel(workspace=cast.workspace, actor=cast.writer, request_id=request.id)
    assert after.status == Status.CANCELLED


def test_what_was_withdrawn_is_not_sent(cast: Cast, service: Service) -> None:
    request = approved_email(cast)
    lifecycle.cancel(workspace=cast.workspace, actor=cast.rosa, request_id=request.id)
    drain_due(cast)
    assert service.calls == []


def test_withdrawing_twice_is_on_record_once(cast: Cast) -> None:
    request = propose_email(cast)
    for _ in range(2):
        lifecycle.cancel(workspace=cast.workspace, actor=cast.ada, request_id=request.id)
    assert entry(request, "request.cancelled").actor_id == cast.ada.principal_id


@pytest.mark.parametrize("status", [Status.DISPATCHING, Status.SUCCEEDED, Status.UNCERTAIN])
def test_it_is_too_late_once_it_is_under_way(cast: Cast, status: Status) -> None:
    request = approved_email(cast)
    put(cast, request, status=status, chunk=request.pk)
    with pytest.raises(Conflict):
        lifecycle.cancel(workspace=cast.workspace, actor=cast.rosa, request_id=request.id)


def test_a_request_of_another_workspace_is_none(cast: Cast, other: OtherCast) -> None:
    request = propose_email(cast)
    for act in (
        lambda: lifecycle.cancel(workspace=other.workspace, actor=other.olga, request_id=request.id),
        lambda: lifecycle.undo(workspace=other.workspace, actor=other.olga, request_id=request.id),
        lambda: lifecycle.run_now(workspace=other.workspace, actor=other.olga, request_id=request.id),
        lambda: lifecycle.retry(workspace=other.workspace, actor=other.olga, request_id=request.id, reason="Now."),
        lambda: lifecycle.resolve(
            workspace=other.workspace, actor=other.olga, request_id=request.id, outcome="was_sent", reason="Seen."
        ),
    ):
        with pytest.raises(NotFound):
            act()


# Taking an approval back.


def test_nothing_goes_out_while_the_approval_can_be_taken_back(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    request = undoable(cast)
    drain_due(cast)
    assert service.calls == []
    assert again(cast, request).wait_reason == "undo_window"
    clock.advance(31)
    drain_due(cast)
    assert again(cast, request).status == Status.SUCCEEDED


def test_an_approval_taken_back_opens_the_gate_again(cast: Cast, service: Service) -> None:
    request = undoable(cast)
    after = lifecycle.undo(workspace=cast.workspace, actor=cast.rosa, request_id=request.id)
    drain_due(cast)
    assert (after.status, service.calls) == (Status.PENDING, [])
    assert entry(request, "request.undone").data["reason"] == "the approval was taken back"


def test_the_window_to_undo_ends(cast: Cast, clock: StoppedClock) -> None:
    request = undoable(cast)
    clock.advance(30)
    with pytest.raises(Conflict, match="The time to undo has passed"):
        lifecycle.undo(workspace=cast.workspace, actor=cast.rosa, request_id=request.id)


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
def test_who_may_not_decide_takes_no_approval_back(cast: Cast, who: str) -> None:
    request = undoable(cast)
    with pytest.raises(NotPermitted):
        lifecycle.undo(workspace=cast.workspace, actor=getattr(cast, who), request_id=request.id)
    assert again(cast, request).status == Status.APPROVED


# “Run now”.


def test_run_now_performs_it_in_this_process(cast: Cast, service: Service) -> None:
    request = approved_email(cast)
    after = lifecycle.run_now(workspace=cast.workspace, actor=cast.omar, request_id=request.id)
    assert (after.status, len(service.calls)) == (Status.SUCCEEDED, 1)


def test_run_now_does_not_wait_for_a_backoff(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.BUSY)
    assert (request.status, request.wait_reason) == (Status.APPROVED, "backoff")
    after = lifecycle.run_now(workspace=cast.workspace, actor=cast.omar, request_id=request.id)
    assert after.status == Status.SUCCEEDED


def test_run_now_names_what_stops_it(cast: Cast, service: Service) -> None:
    request = approved_email(cast)
    set_setting(key="mode", value="draft_only", workspace=cast.workspace, actor=cast.omar)
    with pytest.raises(Conflict, match="It cannot go now") as refusal:
        lifecycle.run_now(workspace=cast.workspace, actor=cast.omar, request_id=request.id)
    assert refusal.value.extra["check"] == "mode"
    assert service.calls == []


def test_run_now_is_for_what_is_approved(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(Conflict, match="only an approved one can be run"):
        lifecycle.run_now(workspace=cast.workspace, actor=cast.omar, request_id=request.id)


@pytest.mark.parametrize("who", ["vic", "crm", "writer"])
def test_who_may_not_run_runs_nothing(cast: Cast, service: Service, who: str) -> None:
    request = approved_email(cast)
    with pytest.raises(NotPermitted):
        lifecycle.run_now(workspace=cast.workspace, actor=getattr(cast, who), request_id=request.id)
    assert service.calls == []


# Trying a failed one again.


def test_a_failed_request_goes_round_again(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.NEVER)
    assert request.status == Status.FAILED
    lifecycle.retry(workspace=cast.workspace, actor=cast.omar, request_id=request.id, reason="The mailbox is back.")
    drain_due(cast)
    assert (again(cast, request).status, len(service.calls)) == (Status.SUCCEEDED, 2)


def test_a_retry_gives_as_many_tries_as_a_new_request_has(cast: Cast, service: Service, clock: StoppedClock) -> None:
    request = ended(cast, service, Answer.NEVER)
    lifecycle.retry(workspace=cast.workspace, actor=cast.omar, request_id=request.id, reason="Once more.")
    says(service, Answer.BUSY)
    for _ in range(4):
        drain_due(cast)
        clock.advance(3_600)
    assert (again(cast, request).status, len(service.calls)) == (Status.FAILED, 1 + 3)


def test_every_check_applies_to_a_retry(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.NEVER)
    lifecycle.retry(workspace=cast.workspace, actor=cast.omar, request_id=request.id, reason="Once more.")
    set_setting(key="global_pause", value=True, workspace=cast.workspace, actor=cast.omar)
    drain_due(cast)
    assert again(cast, request).wait_reason == "hold:global"


def test_only_a_failed_request_is_tried_again(cast: Cast) -> None:
    with pytest.raises(Conflict):
        lifecycle.retry(
            workspace=cast.workspace, actor=cast.omar, request_id=approved_email(cast).id, reason="Once more."
        )


def test_a_retry_takes_a_reason(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.NEVER)
    with pytest.raises(InvalidInput) as refusal:
        lifecycle.retry(workspace=cast.workspace, actor=cast.omar, request_id=request.id, reason=" ")
    assert set(refusal.value.fields) == {"reason"}


# Settling what nobody can know.


def settled(cast: Cast, request: ExecutionRequest, **how: Any) -> ExecutionRequest:
    arguments = {"actor": cast.rosa, "outcome": "was_sent", "reason": "It is in their inbox.", **how}
    return lifecycle.resolve(workspace=cast.workspace, request_id=request.id, **arguments)


def test_what_was_sent_is_done_and_not_sent_again(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.DONE_UNANSWERED)
    assert request.status == Status.UNCERTAIN
    settled(cast, request)
    drain_due(cast)
    assert (again(cast, request).status, len(service.calls)) == (Status.SUCCEEDED, 1)


def test_what_was_not_sent_goes_out_again(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.LOST_UNANSWERED)
    settled(cast, request, outcome="was_not_sent", reason="Their log has nothing.")
    drain_due(cast)
    assert (again(cast, request).status, len(service.calls)) == (Status.SUCCEEDED, 2)


def test_whose_word_it_was_is_on_record(cast: Cast, service: Service) -> None:
    request = ended(cast, service, Answer.DONE_UNANSWERED)
    settled(cast, request)
    with cast.scope():
        attempt = Attempt.objects.get(request=request)
    assert (attempt.resolution, attempt.resolution_reason) == ("was_sent", "It is in their inbox.")
    assert attempt.resolved_by_id == cast.rosa.principal_id
    assert entry(request, "request.resolved").data["outcome"] == "was_sent"


def test_only_what_is_uncertain_is_settled(cast: Cast) -> None:
    with pytest.raises(Conflict):
        settled(cast, approved_email(cast))


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
def test_who_may_not_settle_it_leaves_it_uncertain(cast: Cast, service: Service, who: str) -> None:
    request = ended(cast, service, Answer.DONE_UNANSWERED)
    with pytest.raises(NotPermitted):
        settled(cast, request, actor=getattr(cast, who))
    assert again(cast, request).status == Status.UNCERTAIN


@pytest.mark.parametrize(("how", "field"), [({"reason": ""}, "reason"), ({"outcome": "perhaps"}, "outcome")])
def test_it_names_what_is_missing(cast: Cast, service: Service, how: dict[str, str], field: str) -> None:
    request = ended(cast, service, Answer.DONE_UNANSWERED)
    with pytest.raises(InvalidInput) as refusal:
        settled(cast, request, **how)
    assert set(refusal.value.fields) == {field}


# Waiting too long.


def test_what_nobody_answered_in_time_expires(cast: Cast, clock: StoppedClock) -> None:
    request = propose_email(cast)
    clock.advance(8 * 86_400)
    sweep()
    after = again(cast, request)
    assert (after.status, after.last_error) == (Status.EXPIRED, "Expired: nobody answered in time.")


@pytest.mark.parametrize("make", [propose_email, approved_email])
def test_what_outlived_its_own_time_expires(cast: Cast, clock: StoppedClock, service: Service, make: Any) -> None:
    request = make(cast, expires_at=database_now() + timedelta(hours=1))
    set_setting(key="global_pause", value=True, workspace=cast.workspace, actor=cast.omar)
    clock.advance(3_600)
    sweep()
    assert (again(cast, request).status, service.calls) == (Status.EXPIRED, [])


GATE_ALLOWS = timedelta(days=7)  # as shipped


def test_an_approval_that_was_not_used_in_time_expires(cast: Cast, clock: StoppedClock, service: Service) -> None:
    request = approved_email(cast)
    clock.advance(GATE_ALLOWS.total_seconds() - 1)
    assert sweep() == 0
    clock.advance(1)
    sweep()
    after = again(cast, request)
    assert (after.status, after.last_error) == (Status.EXPIRED, "Expired: its approval was not used in time.")


def test_an_old_approval_sends_nothing_before_any_sweep(cast: Cast, clock: StoppedClock, service: Service) -> None:
    request = approved_email(cast)
    clock.advance(GATE_ALLOWS.total_seconds())
    drain_due(cast)
    assert (again(cast, request).status, service.calls) == (Status.EXPIRED, [])


def test_the_time_of_an_approval_runs_from_what_it_was_scheduled_for(
    cast: Cast, clock: StoppedClock, service: Service
) -> None:
    request = approved_email(cast, scheduled_for=database_now() + timedelta(days=30))
    clock.advance(timedelta(days=30, hours=1).total_seconds())
    assert sweep() == 0
    drain_due(cast)
    assert again(cast, request).status == Status.SUCCEEDED


def test_what_has_time_left_is_let_be(cast: Cast, clock: StoppedClock) -> None:
    request = propose_email(cast)
    clock.advance(60)
    assert sweep() == 0
    assert again(cast, request).status == Status.PENDING
