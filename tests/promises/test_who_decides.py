"""Who opens a gate, by Python: no author, no machine, nobody without the right; each refusal on record, and the right
asked for again when it goes out.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from execution import propose, propose_plan
from execution.approval_manager import get_approval_manager
from execution.models import ExecutionRequest, Verdict
from execution.services import decisions, editing
from execution.services.templates import approve_template, save_template
from execution.states import Status
from execution.types import Proposal
from tests.builders import make_other_cast, make_person, make_user
from tests.support.engine import Engine
from workspaces.actors import Actor
from workspaces.canonical import digest_of
from workspaces.errors import NotPermitted
from workspaces.models import AuditEntry, Membership, Principal, Role, User
from workspaces.scope import workspace_scope
from workspaces.services.members import change_member

pytestmark = pytest.mark.race

MAIL = {"subject": "A hearing", "text": "Dear reader,"}


def proposed(engine: Engine, by: Actor, **more: Any) -> ExecutionRequest:
    """A mail that waits at HR_LANG."""
    more = {"to": "reader@example.org", "payload": MAIL, "channel": "email", **more}
    return propose(workspace=engine.cast.workspace, actor=by, **more)


def refusals_on_record(request_id: UUID) -> int:
    return AuditEntry.objects.filter(action="request.decision_refused", subject_id=request_id).count()


@pytest.fixture(scope="module")
def stranger(shared_engine: Engine) -> Actor:
    """Somebody who approves in another workspace."""
    make_user("nobody")
    return make_other_cast().otto


REFUSED: dict[str, Callable[[Engine, Actor], Actor]] = {
    "its author": lambda engine, stranger: engine.cast.sam,
    "its last editor": lambda engine, stranger: engine.cast.omar,
    "somebody without the right": lambda engine, stranger: engine.cast.ada,
    "a viewer": lambda engine, stranger: engine.cast.vic,
    "a service": lambda engine, stranger: engine.cast.crm,
    "an agent": lambda engine, stranger: engine.cast.writer,
    "a member of another workspace": lambda engine, stranger: stranger,
}


@pytest.mark.parametrize("way", ["service", "manager", "plan"])
@pytest.mark.parametrize("who", REFUSED)
def test_it_refuses(shared_engine: Engine, stranger: Actor, who: str, way: str):
    engine, cast = shared_engine, shared_engine.cast
    actor = REFUSED[who](engine, stranger)
    plan = propose_plan(
        workspace=cast.workspace,
        actor=cast.sam,
        title="A plan",
        items=[Proposal(channel="email", to="reader@example.org", payload=MAIL)],
    )
    with workspace_scope(cast.workspace):
        first = ExecutionRequest.objects.get(plan=plan)
    request = editing.edit_request(
        workspace=cast.workspace, actor=cast.omar, request_id=first.id, payload={**MAIL, "subject": "As edited"}
    )
    if way == "plan":
        given = {str(request.id): request.digest}
        try:
            answer = decisions.decide_plan(
                workspace=cast.workspace, actor=actor, plan_id=plan.id, verdict=Verdict.APPROVE, digests=given
            )
        except NotPermitted:
            assert refusals_on_record(plan.id) == 1
        else:
            assert (answer.decided, [one.id for one in answer.skipped]) == (0, [request.id])
            assert refusals_on_record(request.id) == 1
    else:
        with pytest.raises(NotPermitted):
            if way == "manager":
                get_approval_manager().approve(execution_id=request.id, approved_by=actor.label, digest=request.digest)
            else:
                decisions.approve(workspace=cast.workspace, actor=actor, request_id=request.id, digest=request.digest)
        assert refusals_on_record(request.id) == 1
    assert engine.read(request.id).status == Status.PENDING
    # The way is open to whoever may.
    approved = decisions.approve(
        workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest
    )
    assert approved.status == Status.APPROVED


@pytest.mark.parametrize("label", ["human:nobody", "human:unheard_of", "service:unheard_of", "system:executor"])
def test_it_refuses_whoever_is_nobody_here(shared_engine: Engine, stranger: Actor, label: str):
    request = proposed(shared_engine, shared_engine.cast.ada)
    with pytest.raises(NotPermitted):
        get_approval_manager().approve(execution_id=request.id, approved_by=label)
    assert refusals_on_record(request.id) == 1
    assert shared_engine.read(request.id).status == Status.PENDING


def _switch_membership_off(engine: Engine, approver: Actor) -> None:
    change_member(membership=_membership(engine, approver), actor=engine.cast.omar, is_active=False)


def _take_role_away(engine: Engine, approver: Actor) -> None:
    change_member(membership=_membership(engine, approver), actor=engine.cast.omar, role=Role.AUTHOR)


def _switch_login_off(engine: Engine, approver: Actor) -> None:
    User.objects.filter(principal__id=approver.principal_id).update(is_active=False)


def _switch_principal_off(engine: Engine, approver: Actor) -> None:
    Principal.objects.filter(pk=approver.principal_id).update(is_active=False)


def _membership(engine: Engine, actor: Actor) -> Membership:
    return Membership.objects.get(workspace=engine.cast.workspace, principal_id=actor.principal_id)


@pytest.mark.parametrize(
    "lose",
    [_switch_membership_off, _take_role_away, _switch_login_off, _switch_principal_off],
    ids=lambda f: f.__name__,
)
def test_an_approver_who_may_no_longer_decide_takes_the_approval_along(
    shared_engine: Engine, lose: Callable[[Engine, Actor], None]
):
    engine, cast = shared_engine, shared_engine.cast
    approver = make_person(cast.workspace, f"approver{lose.__name__}", role=Role.APPROVER)
    request = proposed(engine, cast.ada)
    decisions.approve(workspace=cast.workspace, actor=approver, request_id=request.id, digest=request.digest)
    lose(engine, approver)
    engine.drain()
    assert engine.sink.copies()[request.id] == 0
    assert engine.read(request.id).status == Status.PENDING
    decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)
    engine.drain()
    assert engine.sink.copies()[request.id] == 1


CLAIMS = {"faq": True, "minor": True, "seo_minor": True, "consent": True, "run_alone": True, "suppressed": False}


@pytest.mark.parametrize(
    ("channel", "payload"),
    [
        ("email", MAIL),
        ("seo", {"url": "https://example.org/a", "changes": {"title": "T", "canonical": "https://example.org/b"}}),
        (
            "ads",
            {"platform": "google", "action": "change", "resource": "1", "change": {"field": "bid", "from": 2, "to": 1}},
        ),
    ],
)
def test_what_a_service_says_about_its_own_request_counts_for_nothing(
    shared_engine: Engine, channel: str, payload: dict[str, Any]
):
    engine = shared_engine
    recipient = {"contact": engine.cast.alice} if channel == "email" else {"to": None}
    request = proposed(
        engine,
        engine.cast.crm,
        channel=channel,
        payload=payload,
        metadata={**CLAIMS, "template": {"name": "none such", "variables": {}}},
        **{"to": None, **recipient},
    )
    assert (request.status, request.runs_alone) == (Status.PENDING, False)


def an_approved_template(engine: Engine, name: str) -> dict[str, Any]:
    """Written by Ada, approved for running alone by Rosa. Returns what a proposer says to use it for Alice."""
    workspace, text = engine.cast.workspace, {"subject": "Our office hours", "text": "Dear {{ name }},\nwe open at 9."}
    template = save_template(workspace=workspace, actor=engine.cast.ada, name=name, **text)
    approve_template(workspace=workspace, actor=engine.cast.rosa, template_id=template.id, digest=digest_of(text))
    return {
        "contact": engine.cast.alice,
        "to": None,
        "payload": {"subject": "Our office hours", "text": "Dear Alice,\nwe open at 9."},
        "metadata": {"template": {"name": name, "variables": {"name": "Alice"}}},
    }


def test_an_answer_from_an_approved_template_goes_out_alone(shared_engine: Engine):
    engine = shared_engine
    request = proposed(engine, engine.cast.crm, **an_approved_template(engine, "hours"))
    assert (request.status, request.runs_alone) == (Status.APPROVED, True)
    engine.drain()
    assert engine.sink.copies()[request.id] == 1


def test_it_waits_where_a_word_is_not_the_template_s(shared_engine: Engine):
    engine = shared_engine
    said = an_approved_template(engine, "other-hours")
    said["payload"]["text"] += " Send money."
    assert proposed(engine, engine.cast.crm, **said).status == Status.PENDING


def test_it_waits_where_nobody_consented(shared_engine: Engine):
    engine = shared_engine
    said = an_approved_template(engine, "hours-for-bob") | {"contact": engine.cast.bob}
    assert proposed(engine, engine.cast.crm, **said).status == Status.PENDING


def test_it_asks_a_person_where_the_template_changed_before_it_went_out(shared_engine: Engine):
    engine = shared_engine
    request = proposed(engine, engine.cast.crm, **an_approved_template(engine, "changing"))
    assert request.status == Status.APPROVED
    save_template(
        workspace=engine.cast.workspace, actor=engine.cast.ada, name="changing", subject="Hours", text="Closed."
    )
    engine.drain()
    assert engine.sink.copies()[request.id] == 0
    assert engine.read(request.id).status == Status.PENDING
