"""Facts are derived from what was frozen and from our own rows; what a proposer says of a request is not one."""

from typing import Any

import pytest

from execution import propose, propose_plan
from execution.models import ExecutionRequest, MessageTemplate
from execution.services.facts import is_minor_seo, template_digest
from execution.services.templates import approve_template, save_template
from execution.states import Status
from execution.types import Origin, Proposal
from tests.builders import Cast, make_contact
from tests.execution.arranged import PAYLOAD, propose_email
from workspaces.errors import Conflict, InvalidInput, NotPermitted

TEXT = "Dear {{ name }},\n\nwe are open from nine to five.\n"


@pytest.fixture
def template(cast: Cast) -> MessageTemplate:
    """Opening hours: written by Ada, approved by Rosa for running alone."""
    made = save_template(workspace=cast.workspace, actor=cast.ada, name="hours", subject="Our hours", text=TEXT)
    return approve(cast, made)


def approve(cast: Cast, template: MessageTemplate) -> MessageTemplate:
    return approve_template(
        workspace=cast.workspace,
        actor=cast.rosa,
        template_id=template.id,
        digest=template_digest(subject=template.subject, text=template.text),
    )


def reply(cast: Cast, *, variables: Any = None, **changed: Any) -> ExecutionRequest:
    """A reply that says it is the template, filled in for Alice."""
    variables = {"name": "Alice"} if variables is None else variables
    payload = {"subject": "Our hours", "text": TEXT.replace("{{ name }}", "Alice"), **changed.pop("payload", {})}
    claim = changed.pop("template", {"name": "hours", "variables": variables})
    return propose_email(cast, payload=payload, metadata={"template": claim}, **changed)


# A reply that runs alone.


def test_a_reply_that_is_exactly_an_approved_template_runs_alone(cast: Cast, template: MessageTemplate) -> None:
    request = reply(cast)
    assert (request.status, request.runs_alone, request.policy_matched) == (Status.APPROVED, True, ["faq_email"])


@pytest.mark.parametrize(
    "changed",
    [
        {"payload": {"subject": "Our hours!"}},
        {"payload": {"text": TEXT.replace("{{ name }}", "Alice") + "PS: call me."}},
        {"payload": {"text": TEXT.replace("{{ name }}", "alice")}},
        {"payload": {"html": "<p>Dear Alice</p>"}},
        {"payload": {"cc": ["bob@example.org"]}},
        {"payload": {"reply_to": "mallory@example.net"}},
        {"payload": {"headers": {"X-Note": "hi"}}},
        {"template": {"name": "nothing", "variables": {"name": "Alice"}}},
        {"template": {"name": ["hours"], "variables": {"name": "Alice"}}},
        {"template": {"name": "hours"}},
        {"template": {"name": "hours", "variables": ["Alice"]}},
        {"template": "hours"},
        {"template": None},
        {"metadata_only": True},
    ],
)
def test_anything_else_waits_for_a_person(cast: Cast, template: MessageTemplate, changed: dict[str, Any]) -> None:
    if changed.pop("metadata_only", False):
        request = propose_email(cast, metadata={"faq": True, "run_alone": True, "seo_minor": True})
    else:
        request = reply(cast, **changed)
    assert (request.status, request.facts["faq"]) == (Status.PENDING, False)


@pytest.mark.parametrize(
    "name", ["Alice\n\nSend us your password.", "https://evil.example/", "A" * 81, 1.5, ["Alice"], {"a": 1}, "a\u202eb"]
)
def test_a_blank_takes_a_few_plain_words_and_no_more(cast: Cast, template: MessageTemplate, name: Any) -> None:
    text = TEXT.replace("{{ name }}", str(name))
    assert not reply(cast, variables={"name": name}, payload={"text": text}).facts["faq"]


def test_a_template_that_nobody_approved_is_none(cast: Cast) -> None:
    save_template(workspace=cast.workspace, actor=cast.ada, name="hours", subject="Our hours", text=TEXT)
    assert reply(cast).status == Status.PENDING


def test_an_edit_voids_the_approval_of_a_template(cast: Cast, template: MessageTemplate) -> None:
    save_template(workspace=cast.workspace, actor=cast.rosa, name="hours", subject="Our hours", text=TEXT)
    assert reply(cast).status == Status.PENDING


def test_an_edit_behind_our_back_voids_it_too(cast: Cast, template: MessageTemplate) -> None:
    with cast.scope():
        MessageTemplate.objects.update(text=TEXT + "PS: buy now.")
    text = (TEXT + "PS: buy now.").replace("{{ name }}", "Alice")
    assert reply(cast, payload={"text": text}).status == Status.PENDING


def test_a_reply_to_somebody_who_was_never_asked_waits(cast: Cast, template: MessageTemplate) -> None:
    request = reply(cast, contact=cast.bob)
    assert (request.status, request.facts["faq"], request.facts["consent"]) == (Status.PENDING, True, False)


def test_more_than_five_replies_at_once_wait(cast: Cast, template: MessageTemplate) -> None:
    one = Proposal(
        channel="email",
        contact=cast.alice.id,
        payload={"subject": "Our hours", "text": TEXT.replace("{{ name }}", "Alice")},
        metadata={"template": {"name": "hours", "variables": {"name": "Alice"}}},
    )
    five = propose_plan(workspace=cast.workspace, actor=cast.ada, title="Five", items=[one] * 5)
    six = propose_plan(workspace=cast.workspace, actor=cast.ada, title="Six", items=[one] * 6)
    with cast.scope():
        assert {r.status for r in five.requests.all()} == {Status.APPROVED}
        assert {r.status for r in six.requests.all()} == {Status.PENDING}


@pytest.mark.parametrize("text", ["{% raw %", "{{ name", "{% for i in (1..9999999) %}{{ i }}{% endfor %}"])
def test_a_template_that_is_no_sound_liquid_is_refused_by_field(cast: Cast, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_template(workspace=cast.workspace, actor=cast.ada, name="x", subject="Hello", text=text)
    assert "text" in refused.value.fields


def test_whoever_wrote_a_template_does_not_approve_it(cast: Cast) -> None:
    made = save_template(workspace=cast.workspace, actor=cast.rosa, name="x", subject="Hello", text="Hello")
    with pytest.raises(NotPermitted, match="You wrote"):
        approve(cast, made)


def test_a_template_that_changed_since_it_was_seen_is_not_approved(cast: Cast) -> None:
    made = save_template(workspace=cast.workspace, actor=cast.ada, name="x", subject="Hello", text="Hello")
    save_template(workspace=cast.workspace, actor=cast.ada, name="x", subject="Hello", text="Bye")
    with pytest.raises(Conflict):
        approve(cast, made)


def test_a_service_approves_no_template(cast: Cast) -> None:
    made = save_template(workspace=cast.workspace, actor=cast.ada, name="x", subject="Hello", text="Hello")
    with pytest.raises(NotPermitted, match="Only a person"):
        approve_template(workspace=cast.workspace, actor=cast.crm, template_id=made.id, digest="")


# Small changes of a page's listing.


@pytest.mark.parametrize(
    ("changes", "minor"),
    [
        ({"title": "Bees"}, True),
        ({"description": "All about bees"}, True),
        ({"alt_text": "A bee"}, True),
        ({"title": "Bees", "description": "All", "alt_text": "A bee"}, True),
        ({"canonical": "https://example.org/"}, False),
        ({"structured_data": {"@type": "Thing"}}, False),
        ({"title": "Bees", "canonical": "https://example.org/"}, False),
        ({}, False),
    ],
)
def test_a_minor_change_touches_only_words_about_one_page(changes: dict[str, Any], minor: bool) -> None:
    assert is_minor_seo(payload={"url": "https://example.org/bees", "changes": changes}) is minor


def test_a_minor_change_runs_alone_whoever_proposes_it(cast: Cast) -> None:
    payload = {"url": "https://example.org/bees", "changes": {"title": "Bees"}}
    request = propose(workspace=cast.workspace, actor=cast.crm, channel="seo", payload=payload)
    assert (request.status, request.policy_matched) == (Status.APPROVED, ["minor_seo"])


def test_a_larger_one_waits_whatever_its_proposer_calls_it(cast: Cast) -> None:
    payload = {"url": "https://example.org/bees", "changes": {"canonical": "https://example.net/"}}
    request = propose(
        workspace=cast.workspace,
        actor=cast.crm,
        channel="seo",
        payload=payload,
        metadata={"seo_minor": True, "minor": True},
        origin=Origin(kind="minor", label="minor"),
    )
    assert request.status == Status.PENDING


def test_the_sixth_change_of_a_plan_makes_the_other_five_a_bulk_change(cast: Cast) -> None:
    items = [
        Proposal(channel="seo", payload={"url": f"https://example.org/{n}", "changes": {"title": "Bees"}})
        for n in range(5)
    ]
    plan = propose_plan(workspace=cast.workspace, actor=cast.ada, title="Pages", items=items)
    payload = {"url": "https://example.org/6", "changes": {"title": "Bees"}}
    sixth = propose(workspace=cast.workspace, actor=cast.ada, channel="seo", payload=payload, plan=plan)
    assert (sixth.status, sixth.facts["bulk"], sixth.facts["plan_size"]) == (Status.PENDING, True, 6)


# Consent, and who is reached.


def test_a_copy_to_anyone_is_not_covered_by_the_recipients_consent(cast: Cast) -> None:
    request = propose_email(cast, payload={**PAYLOAD, "cc": ["carol@example.net"]})
    assert (request.facts["consent"], request.facts["recipients"]) == (False, 2)


def test_consent_to_mail_is_none_to_calls(cast: Cast) -> None:
    ann = make_contact(cast.workspace, cast.ada, name="Ann", phone="+12025550199")
    request = propose(
        workspace=cast.workspace, actor=cast.ada, channel="voice", contact=ann, payload={"script": "Hi", "mode": "say"}
    )
    assert request.facts["consent"] is False


def test_where_nobody_is_addressed_no_consent_is_missing(cast: Cast) -> None:
    payload = {"url": "https://example.org/hook", "method": "POST", "json": {}}
    request = propose(workspace=cast.workspace, actor=cast.ada, channel="webhook", payload=payload)
    assert (request.facts["consent"], request.facts["recipients"]) == (True, 0)


@pytest.mark.parametrize("channel_of_copy", ["to", "cc", "bcc"])
def test_a_suppressed_recipient_anywhere_is_refused(cast: Cast, channel_of_copy: str) -> None:
    more: dict[str, Any] = {"payload": PAYLOAD}
    if channel_of_copy == "to":
        more["contact"] = cast.charlie
    else:
        more["payload"] = {**PAYLOAD, channel_of_copy: ["Charlie <CHARLIE+news@example.org>"]}
    request = propose_email(cast, **more)
    assert (request.status, request.policy_matched) == (Status.REFUSED, ["suppressed"])


def test_the_mode_the_agent_and_the_risk_are_facts(cast: Cast) -> None:
    request = propose_email(cast, origin=Origin(agent="writer"))
    found = {name: request.facts[name] for name in ("mode", "agent", "risk", "bulk", "new_address")}
    assert found == {"mode": "live", "agent": "writer", "risk": "medium", "bulk": False, "new_address": False}


def test_an_address_is_a_fact_of_its_own(cast: Cast) -> None:
    assert propose_email(cast, to="dora@example.net").facts["new_address"] is True
