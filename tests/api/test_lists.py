"""Lists: pages, filters, order, and as many queries for a hundred rows as for two."""

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.services.agent_runs import perform_run
from campaigns.services.campaigns import create_campaign, save_prospects, start_campaign
from campaigns.services.tasks import create_task, update_task
from contacts.services import create_contact, create_organisation, record_consent, suppress
from execution.alerts.telling import tell_due
from execution.channels import registry
from execution.models import ExecutionRequest, RequestGate
from execution.services import policies
from execution.services.alerts import raise_alert
from execution.services.gates import update_gate
from execution.services.limits import set_limit
from execution.services.windows import set_window
from tests.api.conftest import EMAIL


def ids(answer):
    return [row["id"] for row in answer.json["results"]]


def follow(api, answer, name):
    """The page that a link leads to."""
    link = answer.json[name]
    assert link.startswith("http://testserver/api/v1/")
    return api.call("GET", link.removeprefix("http://testserver").partition("?")[0], query=_query(link))


def _query(link):
    return dict(parse_qsl(link.partition("?")[2]))


@pytest.fixture
def five(waiting, cast):
    """Five waiting emails, the last proposed with the earliest deadline."""
    made = [waiting(to=f"p{n}@example.org", payload={**EMAIL, "subject": f"Subject {n}"}) for n in range(5)]
    with cast.scope():
        for number, request in enumerate(made):
            deadline = timezone.now() + timedelta(hours=10 - number)
            RequestGate.objects.filter(request=request).update(deadline=deadline)
    return made


def test_what_waits_comes_oldest_deadline_first(rosa, five):
    assert ids(rosa.get("execution/pending")) == [str(r.pk) for r in reversed(five)]


def test_pages_follow_each_other_both_ways(rosa, five):
    everything = ids(rosa.get("execution/pending"))
    first = rosa.get("execution/pending", limit=2)
    second = follow(rosa, first, "next")
    third = follow(rosa, second, "next")
    assert [*ids(first), *ids(second), *ids(third)] == everything
    assert (first.json["previous"], third.json["next"]) == (None, None)
    back = follow(rosa, third, "previous")
    assert ids(back) == ids(second)
    assert ids(follow(rosa, back, "previous")) == ids(first)
    assert follow(rosa, back, "previous").json["previous"] is None


def test_a_link_keeps_limit_and_filters(rosa, five):
    link = rosa.get("execution/pending", limit=2, channel="email", q="subject").json["next"]
    assert _query(link) | {"cursor": ""} == {"limit": "2", "channel": "email", "q": "subject", "cursor": ""}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "١"])
def test_a_limit_out_of_range_is_400(rosa, limit):
    assert "limit" in rosa.get("execution/pending", limit=limit).json["errors"]


BAD_CURSORS = [
    "x", "", "####", base64.urlsafe_b64encode(b"{}").decode(), base64.urlsafe_b64encode(b"[0]").decode(),
    base64.urlsafe_b64encode(json.dumps([0, "2027-01-01T00:00:00", "x"]).encode()).decode(),
    base64.urlsafe_b64encode(json.dumps([2, "2027-01-01T00:00:00+00:00", "x"]).encode()).decode(),
    base64.urlsafe_b64encode(json.dumps([0, None, None]).encode()).decode(),
    base64.urlsafe_b64encode(b"[" * 9000).decode(), "é",
]  # fmt: skip


@pytest.mark.parametrize("cursor", BAD_CURSORS)
def test_a_cursor_of_somebodys_own_making_is_400(rosa, cursor):
    assert "cursor" in rosa.get("execution/pending", cursor=cursor).json["errors"]


def test_a_filter_nobody_knows_is_400(rosa):
    answer = rosa.get("execution/pending", chanel="email")
    assert "chanel" in answer.json["errors"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("execution/pending", {"channel": "pigeon"}),
        ("execution/pending", {"plan": "x"}),
        ("execution/pending", {"scope": "theirs"}),
        ("execution/history", {"status": "approved"}),
        ("execution/history", {"since": "yesterday"}),
        ("execution/history", {"until": "2027-01-01T00:00:00"}),
        ("execution/history", {"contact": "7"}),
        ("execution/requests", {"status": "nowhere"}),
        ("execution/pending", {"q": "a\0b"}),
    ],
)
def test_a_filter_that_cannot_be_is_400(rosa, path, query):
    assert rosa.get(path, **query).json["status"] == 400


def test_the_queue_filters_by_channel_gate_plan_and_words(rosa, five):
    assert len(ids(rosa.get("execution/pending", gate="HR_LANG"))) == 5
    assert ids(rosa.get("execution/pending", gate="HR_LEGAL")) == []
    assert ids(rosa.get("execution/pending", channel="sms")) == []
    assert ids(rosa.get("execution/pending", plan="01900000-0000-7000-8000-000000000000")) == []
    assert ids(rosa.get("execution/pending", q="p3@example subject")) == [str(five[3].pk)]
    assert len(ids(rosa.get("execution/pending", q=""))) == 5


def test_mine_is_a_persons_default_and_all_a_services(ada, rosa, crm, five):
    rosa.patch(f"execution/requests/{five[0].pk}", {"payload": {"subject": "Mine now"}})
    assert len(ids(rosa.get("execution/pending"))) == 4
    assert len(ids(rosa.get("execution/pending", scope="all"))) == 5
    assert ids(ada.get("execution/pending")) == []
    assert len(ids(crm.get("execution/pending"))) == 5
    assert ids(crm.get("execution/pending", scope="mine")) == []


def test_what_i_decided_already_is_not_mine_any_more(rosa, api_of, cast, waiting):
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    request = waiting()
    rosa.post("execution/approve", {"execution_id": str(request.pk), "digest": request.digest})
    assert ids(rosa.get("execution/pending")) == []
    assert ids(api_of("sam").get("execution/pending")) == [str(request.pk)]


def test_a_request_at_two_gates_stands_once_in_the_queue(cast, rosa, waiting):
    policies.publish(
        workspace=cast.workspace,
        actor=cast.omar,
        rules=[
            {
                "name": "both",
                "when": {"channel": "email"},
                "then": {"gates": ["HR_LANG", "HR_LEGAL"]},
                "reason": "Both must see it.",
            }
        ],
    )
    request = waiting()
    answer = rosa.get("execution/pending")
    assert ids(answer) == [str(request.pk)]
    assert len(answer.json["results"][0]["gates"]) == 2
    assert ids(rosa.get("execution/pending", gate="HR_LEGAL")) == [str(request.pk)]


@pytest.fixture
def settled(rosa, waiting):
    made = [waiting(to=f"p{n}@example.org") for n in range(4)]
    for request in made[:3]:
        rosa.post("execution/reject", {"execution_id": str(request.pk), "reason": "no"})
    rosa.post(f"execution/requests/{made[3].pk}/cancel")
    return made


def test_history_is_what_is_settled_newest_first(rosa, settled, waiting):
    waiting(to="still@example.org")
    assert ids(rosa.get("execution/history")) == [str(r.pk) for r in reversed(settled)]


def test_history_filters(cast, rosa, settled):
    assert ids(rosa.get("execution/history", status="cancelled")) == [str(settled[3].pk)]
    assert len(ids(rosa.get("execution/history", status="cancelled,rejected"))) == 4
    with cast.scope():
        contact = ExecutionRequest.objects.get(pk=settled[1].pk).contact_id
    assert ids(rosa.get("execution/history", contact=str(contact))) == [str(settled[1].pk)]
    moment = rosa.get("execution/history").json["results"][1]["settled_at"]
    assert len(ids(rosa.get("execution/history", since=moment))) == 2
    assert len(ids(rosa.get("execution/history", until=moment))) == 2
    assert ids(rosa.get("execution/history", until="2020-01-01")) == []
    assert len(ids(rosa.get("execution/history", since="2020-01-01"))) == 4


def test_pages_of_history_follow_each_other(rosa, settled):
    first = rosa.get("execution/history", limit=3)
    assert [*ids(first), *ids(follow(rosa, first, "next"))] == [str(r.pk) for r in reversed(settled)]


LISTS = [
    "execution/pending?scope=all",
    "execution/requests",
    "execution/history",
    "execution/plans",
    "alerts",
    "notifications",
    "limits",
    "windows",
    "contacts",
    "suppressions",
    "organisations",
    "contacts/{contact}/timeline",
    "contacts/{contact}/consents",
    "tasks",
    "tasks/{task}/messages",
    "campaigns",
    "goals",
    "prospect-lists",
    "runs",
    "outputs",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_list_takes_no_more_queries(cast, owner, rosa, crm, waiting, path):
    task = create_task(workspace=cast.workspace, actor=cast.ada, title="Talked about")
    address, _, query = path.format(contact=cast.bob.pk, task=task.pk).partition("?")
    given = dict(pair.split("=") for pair in query.split("&") if pair)

    def count():
        with CaptureQueriesContext(connection) as queries:
            answer = owner.get(address, **given)
        assert answer.status == 200, answer.text
        return len(queries), len(answer.json["results"])

    _fill(cast, rosa, crm, waiting, task, start=0)
    owner.get(address, **given)
    few, rows = count()
    _fill(cast, rosa, crm, waiting, task, start=3)
    more, more_rows = count()
    assert more_rows > rows
    assert more == few


def _fill(cast, rosa, crm, waiting, task, *, start):
    for number in range(start, start + 3):
        waiting(to=f"w{number}@example.org")
        done = waiting(to=f"d{number}@example.org")
        rosa.post("execution/reject", {"execution_id": str(done.pk)})
        item = {"channel": "email", "to": f"x{number}@example.org", "payload": EMAIL}
        crm.post("execution/plans", {"title": "Plan", "requests": [item]})
        raise_alert(
            workspace_id=cast.workspace.id, kind="k", severity="info", fingerprint=str(number), title="An alert"
        )
        tell_due()
        set_limit(
            workspace=cast.workspace,
            actor=cast.omar,
            name=f"limit{number}",
            scope="workspace",
            count=9,
            period_seconds=9,
        )
        set_window(workspace=cast.workspace, actor=cast.omar, channel=registry.names()[number])
        body = create_organisation(workspace=cast.workspace, actor=cast.ada, name=f"Body {number}")
        create_contact(
            workspace=cast.workspace, actor=cast.ada, name=f"C {number}", organisation=body, tags=["a", f"b{number}"]
        )
        suppress(
            workspace=cast.workspace, actor=cast.ada, kind="email", address=f"s{number}@example.org", reason="manual"
        )
        record_consent(
            workspace=cast.workspace,
            actor=cast.ada,
            contact_ids=[cast.bob.pk],
            purpose=f"email{number}",
            basis="consent",
            source="form",
        )
        create_task(workspace=cast.workspace, actor=cast.ada, title=f"Task {number}")
        update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, description=f"Words {number}")
        listed = save_prospects(
            workspace=cast.workspace, actor=cast.ada, name="L", data=f"name,email\nX,x{number}@example.net\n".encode()
        )
        campaign = create_campaign(
            workspace=cast.workspace, actor=cast.ada, goal=f"Win {number}", prospect_list=listed.pk
        )
        run = start_campaign(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk)
        perform_run(workspace=cast.workspace, run_id=run.pk)
