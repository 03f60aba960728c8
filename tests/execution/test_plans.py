"""Plans: many proposals together, all or nothing, and one decision over them."""

from typing import Any
from uuid import uuid4

import pytest

from contacts.models import Contact
from execution import propose_plan
from execution.errors import StaleApproval
from execution.models import Decision, ExecutionPlan, ExecutionRequest, Verdict
from execution.services import decisions
from execution.services.editing import edit_request
from execution.services.once import propose_plan_once
from execution.states import Status
from execution.types import Origin, Proposal
from tests.builders import Cast, OtherCast
from tests.execution.arranged import PAYLOAD, propose_email
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry


def mail(number: int = 1, **changed: Any) -> Proposal:
    arguments = {
        "channel": "email",
        "to": f"person{number}@example.net",
        "payload": {**PAYLOAD, "subject": f"Letter {number}"},
        **changed,
    }
    return Proposal(**arguments)


def plan_of(cast: Cast, count: int = 3, **more: Any) -> ExecutionPlan:
    return propose_plan(
        workspace=cast.workspace,
        actor=more.pop("actor", cast.ada),
        title="Letters",
        goal="To be heard",
        items=more.pop("items", [mail(n) for n in range(count)]),
        **more,
    )


def requests_of(cast: Cast, plan: ExecutionPlan) -> list[ExecutionRequest]:
    with cast.scope():
        return list(ExecutionRequest.objects.filter(plan=plan).order_by("id"))


def digest_of(cast: Cast, plan: ExecutionPlan) -> str:
    with cast.scope():
        return decisions.plan_digest(plan=plan)


def decide(cast: Cast, plan: ExecutionPlan, **more: Any) -> decisions.PlanDecision:
    arguments: dict[str, Any] = {"actor": cast.rosa, "verdict": Verdict.APPROVE, **more}
    return decisions.decide_plan(workspace=cast.workspace, plan_id=plan.id, **arguments)


# Proposing.


def test_a_plan_holds_its_requests_in_their_order(cast: Cast) -> None:
    plan = plan_of(cast)
    assert plan.size == 3
    found = requests_of(cast, plan)
    assert [r.summary for r in found] == [f"Email: Letter {n}" for n in range(3)]
    assert {r.status for r in found} == {Status.PENDING}


def test_the_origin_of_a_plan_is_that_of_its_requests(cast: Cast) -> None:
    campaign = uuid4()
    plan = plan_of(cast, origin=Origin(agent="writer", campaign_id=campaign, campaign_label="Bees"))
    assert (plan.campaign_id, plan.campaign_label) == (campaign, "Bees")
    assert {(r.agent, r.campaign_id) for r in requests_of(cast, plan)} == {("writer", campaign)}


def test_a_few_entries_speak_of_many_requests(cast: Cast) -> None:
    before = AuditEntry.objects.count()
    plan = plan_of(cast, 10)
    entries = list(AuditEntry.objects.order_by("id")[before:])
    told = {e.action: len(e.subjects) for e in entries if e.action.startswith("request.")}
    assert told == {"request.proposed": 10, "request.gated": 10}
    assert {e.correlation for e in entries if e.action.startswith(("request.", "plan."))} == {entries[0].correlation}
    assert plan.size == 10


@pytest.mark.parametrize(
    ("bad", "fields"),
    [
        ({"payload": {"text": "x"}}, {"requests.1.payload.subject"}),
        ({"channel": "fax"}, {"requests.1.channel"}),
        ({"to": "nobody"}, {"requests.1.to"}),
        ({"to": None, "contact": uuid4()}, {"requests.1.contact"}),
        ({"priority": 101, "to": None}, {"requests.1.priority", "requests.1.to"}),
        ({"account": uuid4()}, {"requests.1.account"}),
    ],
)
def test_one_bad_item_refuses_all_and_is_named_by_its_place(cast: Cast, bad: dict[str, Any], fields: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan_of(cast, items=[mail(0), mail(1, **bad), mail(2)])
    assert set(refused.value.fields) == fields
    with cast.scope():
        assert not ExecutionPlan.objects.exists()
        assert not ExecutionRequest.objects.exists()
        assert not Contact.objects.filter(email="person0@example.net").exists()


def test_every_bad_item_is_named(cast: Cast) -> None:
    items = [mail(0, to="nobody"), mail(1), mail(2, to="@"), mail(3, to="person3@example.net")]
    with pytest.raises(InvalidInput) as refused:
        plan_of(cast, items=items)
    assert set(refused.value.fields) == {"requests.0.to", "requests.2.to"}


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_plan_holds_one_to_ten_thousand(cast: Cast, count: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan_of(cast, items=[mail()] * count)
    assert set(refused.value.fields) == {"requests"}


def test_a_plan_has_a_title(cast: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        propose_plan(workspace=cast.workspace, actor=cast.ada, title=" ", items=[mail()])
    assert set(refused.value.fields) == {"title"}


def test_a_viewer_proposes_no_plan(cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        plan_of(cast, actor=cast.vic)


def test_a_request_added_later_counts(cast: Cast) -> None:
    plan = plan_of(cast)
    propose_email(cast, plan=plan)
    plan.refresh_from_db()
    assert plan.size == 4


def test_the_same_plan_again_is_the_same_plan(cast: Cast) -> None:
    items = [mail(n, idempotency_key=f"k#{n}") for n in range(3)]
    arguments: dict[str, Any] = {"workspace": cast.workspace, "actor": cast.ada, "title": "Letters", "goal": "Go"}
    first, new = propose_plan_once(**arguments, items=items)
    again, newly = propose_plan_once(**arguments, items=items)
    assert (again.id, new, newly) == (first.id, True, False)
    with pytest.raises(Conflict):
        propose_plan_once(**arguments, items=[*items[:2], mail(9, idempotency_key="k#2")])
    with pytest.raises(Conflict):
        propose_plan_once(**arguments, items=items[:2])


# Deciding on all of them.


def test_one_word_decides_on_all_that_wait(cast: Cast) -> None:
    plan = plan_of(cast)
    outcome = decide(cast, plan, digest=digest_of(cast, plan))
    assert (outcome.decided, outcome.skipped) == (3, [])
    assert {r.status for r in requests_of(cast, plan)} == {Status.APPROVED}
    with cast.scope():
        assert {(d.digest, d.compared) for d in Decision.objects.all()} == {
            (r.digest, True) for r in requests_of(cast, plan)
        }


def test_a_plan_that_changed_since_it_was_seen_is_not_decided(cast: Cast) -> None:
    plan = plan_of(cast)
    seen = digest_of(cast, plan)
    edit_request(
        workspace=cast.workspace,
        actor=cast.ada,
        request_id=requests_of(cast, plan)[0].id,
        payload={**PAYLOAD, "subject": "Another"},
    )
    with pytest.raises(StaleApproval) as stale:
        decide(cast, plan, digest=seen)
    assert stale.value.extra["current_digest"] == digest_of(cast, plan)
    assert {r.status for r in requests_of(cast, plan)} == {Status.PENDING}


def test_one_stale_digest_fails_alone(cast: Cast) -> None:
    plan = plan_of(cast)
    first, second, third = requests_of(cast, plan)
    seen = {str(r.id): r.digest for r in (first, second, third)}
    edit_request(
        workspace=cast.workspace, actor=cast.ada, request_id=second.id, payload={**PAYLOAD, "subject": "Another"}
    )
    outcome = decide(cast, plan, digests=seen)
    assert outcome.decided == 2
    assert [(skipped.id, "changed" in skipped.why) for skipped in outcome.skipped] == [(second.id, True)]
    assert [r.status for r in requests_of(cast, plan)] == [Status.APPROVED, Status.PENDING, Status.APPROVED]


def test_ones_own_words_are_left_out_of_a_batch(cast: Cast) -> None:
    plan = plan_of(cast)
    mine = requests_of(cast, plan)[1]
    edit_request(
        workspace=cast.workspace, actor=cast.rosa, request_id=mine.id, payload={**PAYLOAD, "subject": "Another"}
    )
    outcome = decide(cast, plan, digest=digest_of(cast, plan))
    assert (outcome.decided, [s.id for s in outcome.skipped]) == (2, [mine.id])


def test_only_those_named_are_decided(cast: Cast) -> None:
    plan = plan_of(cast)
    first = requests_of(cast, plan)[0]
    assert decide(cast, plan, digests={str(first.id): first.digest}, verdict=Verdict.REJECT).decided == 1
    assert [r.status for r in requests_of(cast, plan)] == [Status.REJECTED, Status.PENDING, Status.PENDING]


def test_deciding_again_changes_nothing(cast: Cast) -> None:
    plan = plan_of(cast)
    seen = {str(r.id): r.digest for r in requests_of(cast, plan)}
    decide(cast, plan, digests=seen)
    again = decide(cast, plan, digests=seen)
    assert (again.decided, {s.why for s in again.skipped}) == (0, {"You decided this already."})


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "digests"),
        ({"digest": "x", "digests": {}}, "digests"),
        ({"digests": {"nonsense": "x"}}, "digests.nonsense"),
        ({"digests": {"nonsense": 1}}, "digests.nonsense"),
    ],
)
def test_what_a_batch_decides_on_has_to_be_said(cast: Cast, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decide(cast, plan_of(cast), **arguments)
    assert list(refused.value.fields) == [field]


def test_a_request_of_another_plan_is_refused(cast: Cast) -> None:
    stranger = propose_email(cast)
    with pytest.raises(InvalidInput) as refused:
        decide(cast, plan_of(cast), digests={str(stranger.id): stranger.digest})
    assert list(refused.value.fields) == [f"digests.{stranger.id}"]


@pytest.mark.parametrize("name", ["ada", "vic", "crm", "writer"])
def test_who_may_not_decide_on_a_plan(cast: Cast, name: str) -> None:
    plan = plan_of(cast)
    with pytest.raises(NotPermitted):
        decide(cast, plan, actor=getattr(cast, name), digest=digest_of(cast, plan))
    assert AuditEntry.objects.filter(action="request.decision_refused", subject_id=plan.id).count() == 1


def test_nor_may_somebody_from_elsewhere(cast: Cast, other: OtherCast) -> None:
    plan = plan_of(cast)
    with pytest.raises(NotPermitted):
        decide(cast, plan, actor=other.otto, digest=digest_of(cast, plan))
    with pytest.raises(NotFound):
        decisions.decide_plan(
            workspace=other.workspace, actor=other.otto, plan_id=plan.id, verdict=Verdict.APPROVE, digest="x"
        )
