"""Plans over HTTP: all or nothing, decided together, each request by its own digest."""

import pytest

from execution.models import ExecutionPlan, ExecutionRequest
from tests.api.conftest import EMAIL
from workspaces.settings_store import set_setting


def plan_of(count=3, **more):
    items = [{"channel": "email", "to": f"p{n}@example.org", "payload": EMAIL} for n in range(count)]
    return {"title": "Water bill", "goal": "A hearing", "requests": items, **more}


@pytest.fixture
def plan(crm):
    answer = crm.post("execution/plans", plan_of())
    assert answer.status == 201, answer.text
    return answer.json


def test_it_proposes_all_of_a_plan(plan):
    assert (plan["title"], plan["goal"], plan["size"]) == ("Water bill", "A hearing", 3)
    assert plan["counts"]["pending"] == 3
    assert plan["progress"] == {"total": 3, "settled": 0, "performed": 0, "performed_dry": 0, "fraction": 0.0}
    assert len(plan["digest"]) == 64
    assert len(plan["requests"]) == 3


def test_it_proposes_nothing_where_one_is_wrong_and_says_which(cast, crm):
    body = plan_of()
    body["requests"][1] = {"channel": "email", "to": "nobody", "payload": {"text": "x"}}
    body["requests"][2] = {"channel": "email", "to": "p@example.org", "payload": EMAIL, "plan": None}
    answer = crm.post("execution/plans", body)
    assert answer.status == 400
    assert set(answer.json["errors"]) == {"requests.2.plan"}
    del body["requests"][2]["plan"]
    answer = crm.post("execution/plans", body)
    assert "requests.1.payload.subject" in answer.json["errors"]
    with cast.scope():
        assert not ExecutionPlan.objects.exists()
        assert not ExecutionRequest.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"requests": []}, "requests"),
        ({"requests": "x"}, "requests"),
        ({"requests": [5]}, "requests.0"),
        ({"title": ""}, "title"),
        ({"title": 7}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"status": "approved"}, "status"),
        ({"requests": [{"payload": {}}]}, "requests.0.channel"),
    ],
)
def test_it_names_what_is_wrong_with_a_plan(crm, change, field):
    answer = crm.post("execution/plans", plan_of(**change))
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_it_takes_up_to_ten_thousand(crm):
    answer = crm.post("execution/plans", plan_of(10_001))
    assert answer.json["errors"] == {"requests": "A list of 1 to 10,000 requests."}


def test_the_same_key_and_body_answer_the_same_plan(cast, crm):
    first = crm.post("execution/plans", plan_of(), headers={"Idempotency-Key": "p1"})
    again = crm.post("execution/plans", plan_of(), headers={"Idempotency-Key": "p1"})
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]
    with cast.scope():
        assert ExecutionRequest.objects.count() == 3


@pytest.mark.parametrize("change", [{"title": "Another"}, {"goal": "Another"}, {"requests": plan_of(2)["requests"]}])
def test_the_same_key_with_another_plan_is_409(crm, change):
    crm.post("execution/plans", plan_of(), headers={"Idempotency-Key": "p1"})
    assert crm.post("execution/plans", plan_of(**change), headers={"Idempotency-Key": "p1"}).json["status"] == 409


def test_it_approves_a_plan_by_its_digest(crm, rosa, plan):
    answer = rosa.post(f"execution/plans/{plan['id']}/approve", {"digest": plan["digest"], "reason": "good"})
    assert answer.status == 200
    assert answer.json == {"decided": 3, "skipped": []}
    shown = crm.get(f"execution/plans/{plan['id']}").json
    assert shown["counts"]["pending"] == 0


def test_it_approves_some_by_their_digests_and_skips_a_stale_one(ada, rosa, plan):
    digests = {r["id"]: r["digest"] for r in plan["requests"]}
    stale = plan["requests"][1]["id"]
    ada.patch(f"execution/requests/{stale}", {"payload": {"subject": "Changed"}})
    answer = rosa.post(f"execution/plans/{plan['id']}/approve", {"digests": digests})
    assert answer.json["decided"] == 2
    assert [s["id"] for s in answer.json["skipped"]] == [stale]
    assert answer.json["skipped"][0]["why"]


def test_it_rejects_a_plan(rosa, plan):
    answer = rosa.post(f"execution/plans/{plan['id']}/reject", {"digest": plan["digest"], "reason": "no"})
    assert answer.json["decided"] == 3


def test_a_stale_plan_digest_is_409(ada, rosa, plan):
    ada.patch(f"execution/requests/{plan['requests'][0]['id']}", {"payload": {"subject": "Changed"}})
    answer = rosa.post(f"execution/plans/{plan['id']}/approve", {"digest": plan["digest"]})
    assert answer.status == 409
    assert answer.json["current_digest"] != plan["digest"]
    assert answer.json["detail"].startswith("This plan changed")


@pytest.mark.parametrize("body", [{}, {"digests": {}}, {"digests": {"x": "y"}}, {"digests": []}, {"digest": 5}])
def test_a_decision_without_what_was_seen_is_400(rosa, plan, body):
    assert rosa.post(f"execution/plans/{plan['id']}/approve", body).json["status"] == 400


@pytest.mark.parametrize("who", ["ada", "vic", "crm"])
def test_whoever_may_not_decide_is_refused_on_a_plan(api_of, plan, who):
    for verdict in ("approve", "reject"):
        answer = api_of(who).post(f"execution/plans/{plan['id']}/{verdict}", {"digest": plan["digest"]})
        assert answer.json["status"] == 403


def test_another_workspaces_plan_is_404(stranger, plan):
    assert stranger.get(f"execution/plans/{plan['id']}").json["status"] == 404
    assert stranger.post(f"execution/plans/{plan['id']}/approve", {"digest": plan["digest"]}).json["status"] == 404


@pytest.fixture
def large(cast, crm):
    """A plan of which one goes first."""
    set_setting(key="canary_above", value=2, workspace=cast.workspace, actor=cast.omar)
    return crm.post("execution/plans", plan_of()).json


def test_it_tells_of_the_slice_that_goes_first(crm, large):
    shown = crm.get(f"execution/plans/{large['id']}").json["canary"]
    assert shown.pop("words") == (
        "1 of 3 go first, and 0 of them are settled. The rest waits until they are done and were watched."
    )
    assert shown == {"state": "running", "size": 1, "settled": 0, "failed": 0, "complained": 0, "until": None}


def test_a_plan_whose_requests_may_all_go_at_once_has_none(plan):
    assert plan["canary"] is None


def test_a_person_lets_the_rest_go_on(rosa, large):
    answer = rosa.post(f"execution/plans/{large['id']}/continue", {"reason": "I called them."})
    assert (answer.status, answer.json["canary"]["state"]) == (200, "passed")
    assert rosa.post(f"execution/plans/{large['id']}/continue", {"reason": "Again."}).json["status"] == 409


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": 5}])
def test_to_go_on_takes_a_reason(rosa, large, body):
    assert "reason" in rosa.post(f"execution/plans/{large['id']}/continue", body).json["errors"]
