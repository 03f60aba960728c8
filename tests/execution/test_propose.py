"""The door: what may be proposed, by whom, and what becomes of it."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from contacts.models import Contact
from execution import propose
from execution.models import Decision, ExecutionRequest, ProviderAccount, RequestGate
from execution.services.accounts import save_account
from execution.states import Status
from execution.types import Origin
from tests.builders import Cast, OtherCast, make_cast, make_contact
from tests.execution.arranged import PAYLOAD, propose_email
from workspaces.errors import Conflict, CountersignError, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
HOOK = {"url": "https://example.org/", "method": "POST", "json": {}}


# What becomes of it.


def test_a_mail_waits_at_its_gate(cast: Cast) -> None:
    request = propose_email(cast)
    with cast.scope():
        (gate,) = RequestGate.objects.filter(request=request)
    assert (request.status, gate.name, gate.state, gate.needed) == (Status.PENDING, "HR_LANG", "open", 1)
    assert request.policy_matched == ["language"]
    assert request.policy_reasons == ["Words that people outside will read."]


def test_it_is_on_record_who_proposed_what(cast: Cast) -> None:
    request = propose_email(cast, actor=cast.crm)
    entries = AuditEntry.objects.filter(subject_id=request.id).order_by("id")
    assert [(e.action, e.actor_id) for e in entries] == [
        ("request.proposed", cast.crm.principal_id),
        ("request.gated", cast.crm.principal_id),
    ]
    assert entries[0].data == {"digest": request.digest}


def test_an_actor_may_be_named_as_people_see_it(cast: Cast) -> None:
    assert propose_email(cast, actor="service:crm").proposed_by_id == cast.crm.principal_id


def test_an_address_becomes_a_contact_without_consent(cast: Cast) -> None:
    request = propose_email(cast, to="Dora@Example.NET")
    with cast.scope():
        assert request.contact_id is not None
        dora = Contact.objects.get(pk=request.contact_id)
    assert (dora.email, request.to) == ("Dora@example.net", "Dora@example.net")
    assert (request.status, request.facts["consent"]) == (Status.PENDING, False)


def test_an_address_we_know_is_its_contact(cast: Cast) -> None:
    assert propose_email(cast, to="ALICE@example.org").contact_id == cast.alice.id


def test_the_origin_is_copied_in(cast: Cast) -> None:
    campaign = uuid4()
    whence = Origin(kind="draft", label="Draft 7", url="/drafts/7", agent="writer", campaign_id=campaign)
    request = propose_email(cast, origin=whence)
    found = (request.origin_kind, request.origin_label, request.agent, request.campaign_id)
    assert found == ("draft", "Draft 7", "writer", campaign)


def test_nothing_that_a_proposer_says_approves(cast: Cast) -> None:
    request = propose_email(
        cast,
        actor=cast.crm,
        metadata={"status": "approved", "approved_by": "human:rosa", "runs_alone": True, "gates": []},
        origin=Origin(kind="approved", label="approved by rosa"),
    )
    assert request.status == Status.PENDING
    with cast.scope():
        assert not Decision.objects.exists()


# Who may.


@pytest.mark.parametrize("name", ["omar", "rosa", "ada", "crm", "writer"])
def test_who_may_propose(cast: Cast, name: str) -> None:
    assert propose_email(cast, actor=getattr(cast, name)).status == Status.PENDING


def test_a_viewer_may_not(cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        propose_email(cast, actor=cast.vic)


def test_nor_may_somebody_from_elsewhere(cast: Cast, other: OtherCast) -> None:
    with pytest.raises(NotPermitted):
        propose_email(cast, actor=other.otto)


# What is refused, each part by its name.


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"channel": "fax"}, {"channel"}),
        ({"channel": None}, {"channel"}),
        ({"payload": None}, {"payload"}),
        ({"payload": []}, {"payload"}),
        ({"payload": {}}, {"payload.subject", "payload.text"}),
        ({"payload": {**PAYLOAD, "subject": "a\r\nBcc: x@example.org"}}, {"payload.subject"}),
        ({"payload": {**PAYLOAD, "color": "red"}}, {"payload.color"}),
        ({"contact": None}, {"to"}),
        ({"to": "alice@example.org"}, {"to"}),
        ({"contact": None, "to": "alice"}, {"to"}),
        ({"contact": None, "to": ""}, {"to"}),
        ({"contact": "nobody"}, {"contact"}),
        ({"contact": uuid4()}, {"contact"}),
        ({"priority": 101}, {"priority"}),
        ({"priority": -1}, {"priority"}),
        ({"priority": "high"}, {"priority"}),
        ({"priority": True}, {"priority"}),
        ({"scheduled_for": datetime(2027, 1, 1)}, {"scheduled_for"}),  # noqa: DTZ001
        ({"scheduled_for": "tomorrow"}, {"scheduled_for"}),
        ({"expires_at": datetime(2027, 1, 1)}, {"expires_at"}),  # noqa: DTZ001
        ({"scheduled_for": NOON, "expires_at": NOON}, {"expires_at"}),
        ({"idempotency_key": ""}, {"idempotency_key"}),
        ({"idempotency_key": "k" * 201}, {"idempotency_key"}),
        ({"account": uuid4()}, {"account"}),
        ({"metadata": {"a": "\0"}}, {"metadata.a"}),
        ({"metadata": {"a": float("nan")}}, {"metadata.a"}),
        ({"metadata": ["a"]}, {"metadata"}),
        ({"metadata": {"a": "x" * 70_000}}, {"metadata"}),
        ({"channel": "webhook", "payload": HOOK, "contact": None, "to": "x@example.org"}, {"to"}),
        ({"channel": "fax", "priority": 101, "metadata": {"a": {1}}}, {"channel", "priority", "metadata.a"}),
    ],
)
def test_each_part_that_is_wrong_is_named(cast: Cast, changed: dict[str, Any], fields: set[str]) -> None:
    arguments = {"channel": "email", "contact": cast.alice, "payload": PAYLOAD, **changed}
    with pytest.raises(InvalidInput) as refused:
        propose(workspace=cast.workspace, actor=cast.ada, **arguments)
    assert set(refused.value.fields) == fields
    with cast.scope():
        assert not ExecutionRequest.objects.exists()


def test_a_contact_of_another_workspace_is_none(cast: Cast, other: OtherCast) -> None:
    with pytest.raises(InvalidInput) as refused:
        propose_email(cast, contact=other.oscar)
    assert set(refused.value.fields) == {"contact"}


def test_a_contact_without_the_address_that_a_channel_needs_is_named(cast: Cast) -> None:
    ann = make_contact(cast.workspace, cast.ada, name="Ann")
    with pytest.raises(InvalidInput) as refused:
        propose(workspace=cast.workspace, actor=cast.ada, channel="sms", contact=ann, payload={"text": "Hello"})
    assert "no phone" in refused.value.fields["contact"]


def test_an_account_of_another_workspace_is_none(cast: Cast, other: OtherCast, account: ProviderAccount) -> None:
    with pytest.raises(InvalidInput) as refused:
        propose(
            workspace=other.workspace,
            actor=other.olga,
            channel="email",
            contact=other.oscar,
            payload=PAYLOAD,
            account=account,
        )
    assert set(refused.value.fields) == {"account"}


def test_the_account_that_is_named_is_taken(cast: Cast, account: ProviderAccount) -> None:
    second = save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Second",
        channel="email",
        provider="recorder",
        host="second.example.org",
        from_email="second@example.org",
    )
    assert propose_email(cast).account_id == account.id
    request = propose_email(cast, account=second)
    with cast.scope():
        assert request.document["sender"]["host"] == "second.example.org"


def test_a_plan_of_another_workspace_is_none(cast: Cast, other: OtherCast) -> None:
    with pytest.raises(NotFound):
        propose_email(cast, plan=uuid4())


# The same again.


def test_the_same_key_and_content_answers_the_same_request(cast: Cast) -> None:
    first = propose_email(cast, idempotency_key="k1")
    again = propose_email(cast, idempotency_key="k1")
    assert (again.id, first.was_known, again.was_known) == (first.id, False, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"payload": {**PAYLOAD, "subject": "Another"}},
        {"priority": 51},
        {"to": "alice@example.org"},
        {"scheduled_for": NOON},
        {"expires_at": NOON + timedelta(days=1)},
        {"metadata": {"a": 1}},
        {"payload": {"subject": object()}},
    ],
)
def test_the_same_key_with_other_content_is_refused(cast: Cast, changed: dict[str, Any]) -> None:
    propose_email(cast, idempotency_key="k1")
    with pytest.raises(Conflict):
        propose_email(cast, idempotency_key="k1", **changed)


def test_the_same_key_of_somebody_else_is_refused(cast: Cast) -> None:
    propose_email(cast, idempotency_key="k1")
    with pytest.raises(Conflict):
        propose_email(cast, idempotency_key="k1", actor=cast.crm)


def test_keys_are_a_workspaces_own(cast: Cast, other: OtherCast) -> None:
    propose_email(cast, idempotency_key="k1")
    theirs = propose(
        workspace=other.workspace,
        actor=other.olga,
        channel="email",
        contact=other.oscar,
        payload=PAYLOAD,
        idempotency_key="k1",
    )
    assert not theirs.was_known


@pytest.mark.race
@pytest.mark.slow
def test_a_hundred_at_once_with_one_key_are_one_request(live_db: str) -> None:
    cast = make_cast()
    answers: list[Any] = []

    def again() -> None:
        try:
            for _ in range(10):
                answers.append(propose_email(cast, idempotency_key="k1").id)
        except CountersignError as error:
            answers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=again) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(answers) == 100
    assert len(set(answers)) == 1
    with cast.scope():
        assert ExecutionRequest.objects.count() == 1
