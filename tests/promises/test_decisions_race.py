"""Decisions that come at the same moment from many processes: one counts, and what went out is what was approved."""

import hashlib
from collections import Counter
from uuid import UUID

import pytest

from execution import propose
from execution.models import Decision, ExecutionRequest, Part, RequestGate, Revision, Verdict
from execution.services.gates import update_gate
from execution.states import Status
from tests.builders import make_person
from tests.support.engine import Engine
from tests.support.racers import Act, act
from tests.support.servers import request_of
from workspaces.models import AuditEntry, Role
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

ROUNDS = 40


def proposed(engine: Engine, number: int = 0) -> ExecutionRequest:
    """A mail of Ada's that waits at HR_LANG."""
    payload = {"subject": f"As first written, number {number}", "text": "Dear reader,"}
    workspace = engine.cast.workspace
    return propose(
        workspace=workspace, actor=engine.cast.ada, channel="email", to=f"r{number}@example.org", payload=payload
    )


def approval(engine: Engine, request: ExecutionRequest, person: str = "rosa", *, seen: bool = True) -> Act:
    return act(
        "execution.services.decisions:approve",
        workspace=engine.cast.workspace.slug,
        actor=f"human:{person}",
        request_id=str(request.id),
        digest=request.digest if seen else None,
    )


def a_drain() -> Act:
    return act("execution.engine.drain:drain", manual=True, lanes=1)


def decisions_on(engine: Engine, request_id: UUID) -> list[Decision]:
    with workspace_scope(engine.cast.workspace):
        return list(Decision.objects.filter(request_id=request_id))


def approvals_on_record(request_id: UUID) -> int:
    return AuditEntry.objects.filter(action="request.approved", subject_id=request_id).count()


def test_fifty_approvals_by_one_person_are_one_decision_and_one_mail(engine: Engine):
    request = proposed(engine)
    ended = engine.race(*[[approval(engine, request), a_drain()]] * 50)
    assert {one.error for one in ended} == {""}
    assert len(decisions_on(engine, request.id)) == approvals_on_record(request.id) == 1
    assert engine.sink.copies() == {request.id: 1}


def test_of_fifty_approvers_one_opens_the_gate_and_one_mail_goes_out(engine: Engine):
    names = [f"approver{number}" for number in range(50)]
    for name in names:
        make_person(engine.cast.workspace, name, role=Role.APPROVER)
    request = proposed(engine)
    ended = engine.race(*[[approval(engine, request, name), a_drain()] for name in names])
    assert Counter(one.error for one in ended if one.round == 0) == {"": 1, "Conflict": 49}
    assert len(decisions_on(engine, request.id)) == approvals_on_record(request.id) == 1
    assert engine.sink.copies() == {request.id: 1}


def test_a_gate_for_three_counts_three_of_many_who_come_at_once(engine: Engine):
    update_gate(workspace=engine.cast.workspace, actor=engine.cast.omar, name="HR_LANG", quorum=3)
    names = [f"approver{number}" for number in range(12)]
    for name in names:
        make_person(engine.cast.workspace, name, role=Role.APPROVER)
    request = proposed(engine)
    # Each of them comes twice, so that no person can count as two.
    ended = engine.race(*[[approval(engine, request, name), a_drain()] for name in names for _ in range(2)])
    assert {one.error for one in ended} <= {"", "Conflict"}
    decided = decisions_on(engine, request.id)
    assert len(decided) == len({one.principal_id for one in decided}) == 3
    assert engine.sink.copies() == {request.id: 1}


def approve_against_reject(engine: Engine, rounds: int) -> None:
    requests = [proposed(engine, number) for number in range(rounds)]
    reject = "execution.services.decisions:reject"
    slug = engine.cast.workspace.slug
    engine.race(
        [approval(engine, request) for request in requests],
        [act(reject, workspace=slug, actor="human:sam", request_id=str(request.id)) for request in requests],
        [a_drain()] * rounds,
    )
    engine.drain()
    verdicts = {request.id: [one.verdict for one in decisions_on(engine, request.id)] for request in requests}
    assert all(len(given) == 1 for given in verdicts.values()), verdicts
    approved = {request_id for request_id, given in verdicts.items() if given == [Verdict.APPROVE]}
    assert engine.with_status(Status.SUCCEEDED) == approved
    assert engine.with_status(Status.REJECTED) == set(verdicts) - approved
    assert engine.sink.copies() == dict.fromkeys(approved, 1)


def test_an_approval_that_meets_a_rejection_leaves_one_verdict(engine: Engine):
    approve_against_reject(engine, ROUNDS)


@pytest.mark.faults
def test_five_hundred_approvals_that_meet_rejections_leave_one_verdict_each(engine: Engine):
    approve_against_reject(engine, 500)


def frozen(engine: Engine, request_id: UUID, digest: str) -> str:
    """SHA-256 of the mail frozen under `digest`, as everything below its Date line."""
    with workspace_scope(engine.cast.workspace):
        wire = Revision.objects.get(request_id=request_id, digest=digest).as_dict()["wire"]
        contents = dict(Part.objects.filter(sha256__in=wire).values_list("sha256", "content"))
    return hashlib.sha256(b"".join(bytes(contents[part]) for part in wire)).hexdigest()


def taken(engine: Engine) -> dict[UUID, str]:
    """The same of each mail that the server took."""
    found = {}
    for mail in engine.sink.messages:
        date, _, rest = mail.content.partition(b"\r\n")
        assert date.startswith(b"Date: ")
        found[request_of(mail.message_id)] = hashlib.sha256(rest).hexdigest()
    return found


def edit_against_approve(engine: Engine, rounds: int) -> None:
    requests = [proposed(engine, number) for number in range(rounds)]
    first = {request.id: frozen(engine, request.id, request.digest) for request in requests}
    edits = [
        act(
            "execution.services.editing:edit_request",
            workspace=engine.cast.workspace.slug,
            actor="human:ada",
            request_id=str(request.id),
            payload={"subject": "As edited", "text": "Dear reader,"},
        )
        for request in requests
    ]
    # Every other approver does not say what they saw: that decision binds to what stands there at that moment.
    looked = {request.id: number % 2 == 0 for number, request in enumerate(requests)}
    # One half is edited while it is approved, the other a round later, while it is sent.
    engine.race(
        [approval(engine, request, seen=looked[request.id]) for request in requests],
        [one if number % 4 < 2 else None for number, one in enumerate(edits)],
        [None, *(one if number % 4 >= 2 else None for number, one in enumerate(edits))],
        [a_drain()] * (rounds + 1),
    )
    engine.drain()
    sent = taken(engine)
    assert engine.sink.copies() == dict.fromkeys(sent, 1)
    for request_id, digest in sent.items():
        decided = {one.digest for one in decisions_on(engine, request_id)}
        assert digest in {frozen(engine, request_id, approved) for approved in decided}
        if looked[request_id]:
            assert digest == first[request_id]
    # What was edited after its approval waits again.
    unsent = {request.id for request in requests} - set(sent)
    assert engine.with_status(Status.PENDING) == unsent
    with workspace_scope(engine.cast.workspace):
        assert RequestGate.objects.filter(state="open").count() == len(unsent)


def test_an_edit_that_meets_an_approval_never_goes_out_unapproved(engine: Engine):
    edit_against_approve(engine, ROUNDS)


@pytest.mark.faults
def test_five_hundred_edits_that_meet_approvals_never_go_out_unapproved(engine: Engine):
    edit_against_approve(engine, 500)
