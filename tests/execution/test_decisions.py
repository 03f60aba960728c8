"""Deciding on one request: by a person, on what they saw, at the gates that are theirs."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from execution.approval_manager import get_approval_manager
from execution.errors import SealBroken, StaleApproval
from execution.models import Decision, ExecutionRequest, RequestGate, Revision
from execution.services import decisions, policies
from execution.services.editing import edit_request
from execution.services.gates import update_gate
from execution.states import Status
from tests.builders import Cast, OtherCast
from tests.execution.arranged import PAYLOAD, again, alerts, propose_email, refusals
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry
from workspaces.settings_store import set_setting

TWO_GATES = [
    {"name": "both", "when": {"channel": "email"}, "then": {"gates": ["HR_LANG", "HR_LEGAL"]}, "reason": "Both."}
]


def decide(cast: Cast, verb: str, request: ExecutionRequest, who: str = "rosa", **more: Any) -> ExecutionRequest:
    """approve, reject or request_changes by somebody of the cast."""
    decided = getattr(decisions, verb)(
        workspace=cast.workspace, actor=getattr(cast, who), request_id=request.id, **more
    )
    assert isinstance(decided, ExecutionRequest)
    return decided


def edited(cast: Cast, request: ExecutionRequest, who: str = "ada") -> ExecutionRequest:
    """The same with another subject."""
    payload = {**PAYLOAD, "subject": "Another"}
    return edit_request(workspace=cast.workspace, actor=getattr(cast, who), request_id=request.id, payload=payload)


def decisions_on(cast: Cast, request: ExecutionRequest) -> list[Decision]:
    with cast.scope():
        return list(Decision.objects.filter(request=request).order_by("at"))


# A verdict.


def test_it_approves_what_the_approver_saw(cast: Cast) -> None:
    request = propose_email(cast)
    approved = decide(cast, "approve", request, digest=request.digest, reason="Fine.")
    (decision,) = decisions_on(cast, request)
    assert approved.status == Status.APPROVED
    assert (decision.principal_id, decision.digest, decision.reason, decision.via, decision.compared) == (
        cast.rosa.principal_id,
        request.digest,
        "Fine.",
        "python",
        True,
    )


def test_it_says_where_nobodys_screen_was_compared(cast: Cast) -> None:
    request = propose_email(cast)
    decide(cast, "approve", request)
    (decision,) = decisions_on(cast, request)
    assert (decision.digest, decision.compared) == (request.digest, False)


def test_it_puts_an_approval_on_record_under_its_digest(cast: Cast) -> None:
    request = propose_email(cast)
    decide(cast, "approve", request)
    entry = AuditEntry.objects.get(action="request.approved", subject_id=request.id)
    assert (entry.actor_id, entry.data) == (cast.rosa.principal_id, {"digest": request.digest, "revision": 1})


def test_it_rejects_for_good(cast: Cast) -> None:
    request = propose_email(cast)
    rejected = decide(cast, "reject", request, reason="Not now.")
    with cast.scope():
        (gate,) = RequestGate.objects.filter(request=request)
    assert (rejected.status, rejected.last_error, gate.state) == (Status.REJECTED, "Not now.", "rejected")


def test_it_sends_a_request_back_to_its_author(cast: Cast) -> None:
    request = propose_email(cast)
    decide(cast, "request_changes", request, reason="Shorter.")
    assert again(cast, request).status == Status.NEEDS_CHANGES
    assert edited(cast, request).status == Status.PENDING


def test_it_asks_for_changes_only_with_a_reason(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(InvalidInput) as refused:
        decide(cast, "request_changes", request, reason=" ")
    assert list(refused.value.fields) == ["reason"]


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_it_changes_nothing_when_the_same_person_says_the_same_again(cast: Cast, verb: str) -> None:
    request = propose_email(cast)
    first = decide(cast, verb, request, digest=request.digest)
    entries = AuditEntry.objects.count()
    assert decide(cast, verb, request, digest=request.digest).status == first.status
    assert (len(decisions_on(cast, request)), AuditEntry.objects.count()) == (1, entries)


@pytest.mark.parametrize("verb", ["approve", "reject", "request_changes"])
@pytest.mark.parametrize("who", ["rosa", "sam"])
def test_it_refuses_what_is_decided_otherwise(cast: Cast, verb: str, who: str) -> None:
    request = propose_email(cast)
    decide(cast, "reject" if verb == "approve" else "approve", request)
    with pytest.raises(Conflict):
        decide(cast, verb, request, who, reason="Because.")


def test_it_refuses_a_stale_digest_and_tells_the_difference(cast: Cast) -> None:
    request = propose_email(cast)
    now = edited(cast, request)
    with pytest.raises(StaleApproval) as stale:
        decide(cast, "approve", request, digest=request.digest)
    assert stale.value.extra["current_digest"] == now.digest
    assert {"field": "payload.subject", "was": PAYLOAD["subject"], "now": "Another"} in stale.value.extra["diff"]
    assert again(cast, request).status == Status.PENDING


def test_it_refuses_a_digest_that_was_never_one(cast: Cast) -> None:
    request = propose_email(cast)
    with pytest.raises(StaleApproval) as stale:
        decide(cast, "approve", request, digest="0" * 64)
    assert stale.value.extra["diff"] == []


# Who may.


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
@pytest.mark.parametrize("verb", ["approve", "reject", "request_changes"])
def test_it_refuses_and_records_who_may_not_decide(cast: Cast, who: str, verb: str) -> None:
    request = propose_email(cast)
    with pytest.raises(NotPermitted):
        decide(cast, verb, request, who, reason="Because.")
    assert again(cast, request).status == Status.PENDING
    assert refusals(request) == [getattr(cast, who).principal_id]


def test_it_refuses_an_approver_their_own_words(cast: Cast) -> None:
    request = propose_email(cast, actor=cast.rosa)
    with pytest.raises(NotPermitted, match="You wrote or edited this"):
        decide(cast, "approve", request)
    assert refusals(request) == [cast.rosa.principal_id]


def test_it_refuses_the_last_editor(cast: Cast) -> None:
    request = edited(cast, propose_email(cast), "rosa")
    with pytest.raises(NotPermitted, match="You wrote or edited this"):
        decide(cast, "approve", request)
    assert refusals(request) == [cast.rosa.principal_id]


def test_it_refuses_an_earlier_editor_too(cast: Cast) -> None:
    request = edited(cast, edited(cast, propose_email(cast), "rosa"), "sam")
    with pytest.raises(NotPermitted):
        decide(cast, "approve", request)


def test_it_refuses_members_of_another_workspace(cast: Cast, other: OtherCast) -> None:
    request = propose_email(cast)
    with pytest.raises(NotPermitted):
        decisions.approve(workspace=cast.workspace, actor=other.otto, request_id=request.id)
    assert refusals(request) == [other.otto.principal_id]


def test_it_finds_nothing_of_another_workspace(cast: Cast, other: OtherCast) -> None:
    request = propose_email(cast)
    with pytest.raises(NotFound):
        decisions.approve(workspace=other.workspace, actor=other.otto, request_id=request.id)


def test_it_lets_a_sole_operator_approve_their_own_words_and_says_so(cast: Cast) -> None:
    set_setting(key="sole_operator", value=True, workspace=cast.workspace, actor=cast.omar)
    request = propose_email(cast, actor=cast.omar)
    assert decide(cast, "approve", request, "omar").status == Status.APPROVED
    assert [d.sole_operator for d in decisions_on(cast, request)] == [True]


def test_it_calls_nobody_sole_operator_over_the_words_of_others(cast: Cast) -> None:
    set_setting(key="sole_operator", value=True, workspace=cast.workspace, actor=cast.omar)
    request = propose_email(cast)
    decide(cast, "approve", request, "omar")
    assert [d.sole_operator for d in decisions_on(cast, request)] == [False]


# Gates.


def test_it_takes_as_many_people_as_the_gate_asks_for(cast: Cast) -> None:
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    request = propose_email(cast)
    assert decide(cast, "approve", request).status == Status.PENDING
    assert decide(cast, "approve", request).status == Status.PENDING
    assert decide(cast, "approve", request, "sam").status == Status.APPROVED


def test_it_takes_one_rejection_whatever_the_quorum(cast: Cast) -> None:
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    request = propose_email(cast)
    decide(cast, "approve", request)
    assert decide(cast, "reject", request, "sam").status == Status.REJECTED


def test_it_lets_nobody_go_back_on_their_own_approval_while_others_are_awaited(cast: Cast) -> None:
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    request = propose_email(cast)
    decide(cast, "approve", request)
    with pytest.raises(Conflict, match="approved this at HR_LANG already"):
        decide(cast, "reject", request)


def test_it_opens_the_gate_that_is_named_and_no_other(cast: Cast) -> None:
    policies.publish(workspace=cast.workspace, actor=cast.omar, rules=TWO_GATES)
    request = propose_email(cast)
    assert decide(cast, "approve", request, gate="HR_LEGAL").status == Status.PENDING
    with cast.scope():
        states = dict(RequestGate.objects.filter(request=request).values_list("name", "state"))
    assert states == {"HR_LEGAL": "passed", "HR_LANG": "open"}
    assert decide(cast, "approve", request, gate="HR_LANG").status == Status.APPROVED


def test_it_opens_every_gate_of_the_person_where_none_is_named(cast: Cast) -> None:
    policies.publish(workspace=cast.workspace, actor=cast.omar, rules=TWO_GATES)
    request = propose_email(cast)
    assert decide(cast, "approve", request).status == Status.APPROVED
    assert len(decisions_on(cast, request)) == 2


def test_it_leaves_gates_of_other_roles_to_them(cast: Cast) -> None:
    policies.publish(workspace=cast.workspace, actor=cast.omar, rules=TWO_GATES)
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LEGAL", roles=["owner"])
    request = propose_email(cast)
    assert decide(cast, "approve", request).status == Status.PENDING
    with pytest.raises(NotPermitted, match="HR_LEGAL"):
        decide(cast, "approve", request, "sam", gate="HR_LEGAL")
    assert decide(cast, "approve", request, "omar").status == Status.APPROVED


def test_it_refuses_a_gate_that_is_not_open(cast: Cast) -> None:
    with pytest.raises(Conflict, match="HR_LEGAL is not open"):
        decide(cast, "approve", propose_email(cast), gate="HR_LEGAL")


# Behind our back.


def test_it_lets_nobody_approve_what_was_changed_behind_countersign(cast: Cast) -> None:
    request = propose_email(cast)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE execution_revision SET document = replace(document, 'at ten', 'at six') WHERE request_id = %s",
            [request.id],
        )
    with pytest.raises(SealBroken):
        decide(cast, "approve", request, digest=request.digest)
    assert again(cast, request).status == Status.PENDING
    assert refusals(request) == [cast.rosa.principal_id]
    assert alerts(cast) == ["seal_mismatch"]


def test_it_keeps_every_revision_that_was_decided_on(cast: Cast) -> None:
    request = propose_email(cast)
    decide(cast, "approve", request)
    edited(cast, request)
    with cast.scope():
        numbers = list(Revision.objects.filter(request=request).order_by("number").values_list("number", flat=True))
    assert (numbers, [d.revision for d in decisions_on(cast, request)]) == ([1, 2], [1])


# The approval manager, for Python.


def test_the_manager_decides_for_a_person_by_name(cast: Cast) -> None:
    request = propose_email(cast)
    approved = get_approval_manager().approve(execution_id=request.id, approved_by="human:rosa")
    assert approved.status == Status.APPROVED


def test_the_manager_rejects_and_asks_for_changes(cast: Cast) -> None:
    manager = get_approval_manager()
    first, second = propose_email(cast), propose_email(cast)
    assert manager.reject(execution_id=first.id, rejected_by="human:rosa").status == Status.REJECTED
    asked = manager.request_changes(execution_id=second.id, requested_by="human:rosa", reason="Shorter.")
    assert asked.status == Status.NEEDS_CHANGES


@pytest.mark.parametrize(
    "label", ["service:crm", "agent:writer", "system:executor", "human:vic", "human:ada", "human:otto", "human:nobody"]
)
def test_the_manager_refuses_and_records_everyone_else(cast: Cast, other: OtherCast, label: str) -> None:
    request = propose_email(cast)
    with pytest.raises(NotPermitted):
        get_approval_manager().approve(execution_id=request.id, approved_by=label)
    assert again(cast, request).status == Status.PENDING
    assert len(refusals(request)) == 1


def test_the_manager_finds_no_request_that_is_not_there(cast: Cast) -> None:
    with pytest.raises(NotFound):
        get_approval_manager().approve(execution_id=uuid4(), approved_by="human:rosa")
