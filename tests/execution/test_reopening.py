"""Back to the gate: an approval that no longer holds when it comes to sending."""

from typing import Any

import pytest

from execution.engine.drain import drain
from execution.models import Alert, ExecutionRequest, ProviderAccount, RequestGate, Revision
from execution.services import decisions
from execution.services.gates import update_gate
from execution.services.policies import publish
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import propose_email
from tests.machine.recorder import Service
from workspaces.actors import Actor
from workspaces.models import AuditEntry, Membership
from workspaces.services.members import change_member


def rules(*gates: str) -> list[dict[str, Any]]:
    return [{"name": "mine", "when": {}, "then": {"gates": list(gates)}, "reason": "A test."}]


def put_in_force(cast: Cast, *gates: str) -> None:
    publish(workspace=cast.workspace, actor=cast.omar, rules=rules(*gates))


def approve(cast: Cast, request: ExecutionRequest, by: Actor) -> ExecutionRequest:
    return decisions.approve(workspace=cast.workspace, actor=by, request_id=request.id, digest=request.digest)


def carry_out(cast: Cast, request: ExecutionRequest) -> ExecutionRequest:
    drain(manual=True, workspace=cast.workspace, lanes=1)
    with cast.scope():
        return ExecutionRequest.objects.get(pk=request.pk)


def gates_of(cast: Cast, request: ExecutionRequest) -> list[tuple[str, str]]:
    with cast.scope():
        return sorted(RequestGate.objects.filter(request=request).values_list("name", "state"))


def switch(cast: Cast, who: Actor, *, on: bool) -> None:
    membership = Membership.objects.get(workspace=cast.workspace, principal_id=who.principal_id)
    change_member(membership=membership, actor=cast.omar, is_active=on)


@pytest.fixture
def approved(cast: Cast, account: ProviderAccount) -> ExecutionRequest:
    """A mail that Rosa approved."""
    return approve(cast, propose_email(cast), cast.rosa)


# The policy asks for more.


def test_a_gate_that_came_into_force_since_is_opened(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    put_in_force(cast, "HR_LANG", "HR_LEGAL")
    after = carry_out(cast, approved)
    assert (after.status, after.digest, service.calls) == (Status.PENDING, approved.digest, [])
    assert gates_of(cast, approved) == [("HR_LANG", "passed"), ("HR_LEGAL", "open")]


def test_once_that_is_passed_as_well_it_goes(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    put_in_force(cast, "HR_LANG", "HR_LEGAL")
    approve(cast, carry_out(cast, approved), cast.sam)
    assert carry_out(cast, approved).status == Status.SUCCEEDED
    assert len(service.calls) == 1


def test_a_larger_quorum_asks_everyone_again(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    waiting = carry_out(cast, approved)
    assert gates_of(cast, approved) == [("HR_LANG", "open"), ("HR_LANG", "superseded")]
    assert approve(cast, waiting, cast.rosa).status == Status.PENDING
    approve(cast, waiting, cast.sam)
    assert carry_out(cast, approved).status == Status.SUCCEEDED


def test_what_ran_alone_waits_where_it_no_longer_may(cast: Cast, service: Service, account: ProviderAccount) -> None:
    alone = [{"name": "alone", "when": {}, "then": {"run_alone": True}, "reason": "A test."}]
    publish(workspace=cast.workspace, actor=cast.omar, rules=alone)
    request = propose_email(cast)
    assert (request.status, request.runs_alone) == (Status.APPROVED, True)
    put_in_force(cast, "HR_LANG")
    after = carry_out(cast, request)
    assert (after.status, after.runs_alone, service.calls) == (Status.PENDING, False, [])


def test_what_is_forbidden_since_is_refused(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    never = [{"name": "never", "when": {}, "then": {"refuse": True}, "reason": "Not any more."}]
    publish(workspace=cast.workspace, actor=cast.omar, rules=never)
    after = carry_out(cast, approved)
    assert (after.status, after.last_error, service.calls) == (Status.REFUSED, "Not any more.", [])


def test_a_looser_policy_changes_nothing(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    alone = [{"name": "alone", "when": {}, "then": {"run_alone": True}, "reason": "A test."}]
    publish(workspace=cast.workspace, actor=cast.omar, rules=alone)
    assert carry_out(cast, approved).status == Status.SUCCEEDED


# Whoever approved may do so no more.


def test_an_approver_who_left_since_has_not_approved(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    switch(cast, cast.rosa, on=False)
    after = carry_out(cast, approved)
    assert (after.status, service.calls) == (Status.PENDING, [])
    approve(cast, after, cast.sam)
    assert carry_out(cast, approved).status == Status.SUCCEEDED


def test_nor_has_one_whose_role_opens_the_gate_no_more(
    cast: Cast, service: Service, approved: ExecutionRequest
) -> None:
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", roles=["owner"])
    assert carry_out(cast, approved).status == Status.PENDING


def test_nor_one_whose_login_is_off(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    type(cast.user_of("rosa")).objects.filter(username="rosa").update(is_active=False)
    assert carry_out(cast, approved).status == Status.PENDING


def test_one_who_left_and_came_back_has_approved(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    switch(cast, cast.rosa, on=False)
    switch(cast, cast.rosa, on=True)
    assert carry_out(cast, approved).status == Status.SUCCEEDED


def test_of_two_who_approved_the_one_who_stayed_is_asked_again_too(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    request = propose_email(cast)
    approve(cast, request, cast.rosa)
    approve(cast, request, cast.sam)
    switch(cast, cast.rosa, on=False)
    waiting = carry_out(cast, request)
    assert approve(cast, waiting, cast.sam).status == Status.PENDING
    assert approve(cast, waiting, cast.omar).status == Status.APPROVED


# What changed under the seal.


def test_what_was_changed_by_sql_is_asked_about_with_the_difference(
    cast: Cast, service: Service, approved: ExecutionRequest
) -> None:
    with cast.scope():
        ExecutionRequest.objects.filter(pk=approved.pk).update(to="mallory@example.org")
    after = carry_out(cast, approved)
    assert (after.status, after.revision, service.calls) == (Status.PENDING, 2, [])
    with cast.scope():
        drift = ExecutionRequest.objects.select_related("current").get(pk=after.pk).current
        assert drift is not None
        alert = Alert.objects.get(kind="seal_mismatch")
    told = {change["field"]: (change["was"], change["now"]) for change in drift.drift}
    assert told["to"] == ("alice@example.org", "mallory@example.org")
    assert (alert.severity, alert.request_id) == ("critical", approved.id)


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        "7",
        '{"payload": 3}',
        '{"payload": {"subject": "x", "text": "y", "color": "red"}}',
        '{"payload": {"subject": "x", "text": "y", "cc": 5}, "window": "soon", "wire": [{}]}',
        '{"payload": {"subject": "x", "text": "y", "attachments": 5}}',
    ],
)
def test_what_was_destroyed_stops_nobody_else(
    cast: Cast, service: Service, approved: ExecutionRequest, broken: str
) -> None:
    other = approve(cast, propose_email(cast, contact=cast.bob), cast.rosa)
    with cast.scope():
        Revision.objects.filter(request_id=approved.id).update(document=broken)
    after = carry_out(cast, approved)
    assert after.status in (Status.PENDING, Status.CANCELLED)
    with cast.scope():
        assert ExecutionRequest.objects.get(pk=other.pk).status == Status.SUCCEEDED
        assert Alert.objects.filter(request_id=approved.id, severity="critical").exists()
    assert [call.act.request_id for call in service.calls] == [str(other.id)]


def test_each_way_back_is_on_record(cast: Cast, service: Service, approved: ExecutionRequest) -> None:
    put_in_force(cast, "HR_LANG", "HR_LEGAL")
    carry_out(cast, approved)
    entry = AuditEntry.objects.filter(subject_id=approved.id).latest("id")
    assert entry.action == "request.gate_reopened"
    assert entry.data["reason"].startswith("Still to be approved at HR_LEGAL.")
