"""Tasks, campaigns, goals, runs, drafts, figures and the cron endpoint over HTTP."""

import pytest

from campaigns.models import AgentRun, Task
from campaigns.services.agent_runs import perform_run
from campaigns.states import RunStatus

KEYS = {
    "id", "title", "description", "status", "assigned_agent", "priority", "requires_approval", "metadata",
    "deliverable_url", "execution_attempts", "last_execution_attempt", "execution_error", "approved_by", "approved_at",
    "rejected_by", "rejected_at", "rejection_reason", "plan", "created_at",
}  # fmt: skip
PROSPECTS = [
    {"name": "Senator Hill's office", "email": "hill@senate.example", "organisation": "Senate", "interest": "water"},
    {"name": "Clean Water Coalition", "email": "hello@water.example", "organisation": "CWC", "interest": "water bills"},
]
GOAL = {"goal": "Win support for the clean water bill", "ask": "Support the clean water bill", "cause": "clean water"}
OUTREACH = {
    "title": "Write about the water bill",
    "description": "Win support for the clean water bill",
    "assigned_agent": "outreach",
    "metadata": {"ask": "Support the bill", "prospects": PROSPECTS},
}


@pytest.fixture
def task(crm):
    answer = crm.post("tasks", OUTREACH)
    assert answer.status == 201, answer.text
    return answer.json


def test_a_task_is_made_with_what_the_interfaces_name(task):
    assert set(task) >= KEYS
    assert (task["status"], task["priority"], task["requires_approval"]) == ("new", "normal", True)
    assert (task["approval"], task["execution_attempts"], task["approved_by"]) == ("pending", 0, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": 5}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"assigned_agent": "nobody"}, "assigned_agent"),
        ({"priority": "soon"}, "priority"),
        ({"priority": 5}, "priority"),
        ({"requires_approval": "perhaps"}, "requires_approval"),
        ({"metadata": {"at_most": 0}}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"status": "completed"}, "status"),
        ({"approved_by": "human:rosa"}, "approved_by"),
        ({"execution_attempts": 0}, "execution_attempts"),
        ({"workspace": "other"}, "workspace"),
        ({"campaign": "x"}, "campaign"),
    ],
)
def test_it_names_what_is_wrong_with_a_task(crm, change, field):
    answer = crm.post("tasks", {**OUTREACH, **change})
    assert answer.status == 400, answer.text
    assert field in answer.json["errors"]
    assert crm.get("tasks").json["results"] == []


def test_a_task_is_approved_once_by_a_person(api_of, rosa, crm, task):
    path = f"tasks/{task['id']}/approve"
    assert rosa.get(path).json == {"approval": "pending", "by": None, "at": None, "reason": ""}
    for who in ("ada", "vic", "crm", "writer"):
        assert api_of(who).post(path).json["status"] == 403
    approved = rosa.post(path, {"reason": "Go"})
    assert approved.status == 200
    assert (approved.json["approval"], approved.json["approved_by"]) == ("approved", "human:rosa")
    assert rosa.post(path).status == 200
    assert rosa.post(f"tasks/{task['id']}/reject").json["status"] == 409
    shown = crm.get(path).json
    assert (shown["approval"], shown["by"], shown["reason"]) == ("approved", "human:rosa", "Go")
    assert shown == crm.get(f"tasks/{task['id']}/reject").json


def test_a_task_is_rejected_and_cancelled(rosa, task):
    rejected = rosa.post(f"tasks/{task['id']}/reject", {"reason": "Not now"}).json
    assert (rejected["status"], rejected["rejected_by"]) == ("cancelled", "human:rosa")
    assert rejected["rejection_reason"] == "Not now"
    assert rosa.get(f"tasks/{task['id']}/reject").json["approval"] == "rejected"


def test_a_task_that_needs_no_approval_says_so(ada):
    made = ada.post("tasks", {"title": "Call the printer", "requires_approval": False, "priority": "high"}).json
    assert ada.get(f"tasks/{made['id']}/approve").json["approval"] == "not_required"
    done = ada.patch(f"tasks/{made['id']}", {"status": "completed"}).json
    assert (done["status"], done["priority"]) == ("completed", "high")
    assert ada.patch(f"tasks/{made['id']}", {"status": "new"}).json["status"] == 409


def test_tasks_are_filtered(ada, task):
    ada.post("tasks", {"title": "Call the printer", "priority": "urgent"})
    assert [t["id"] for t in ada.get("tasks", assigned_agent="outreach").json["results"]] == [task["id"]]
    assert [t["title"] for t in ada.get("tasks", priority="urgent").json["results"]] == ["Call the printer"]
    assert len(ada.get("tasks", status="new,completed").json["results"]) == 2
    assert len(ada.get("tasks", q="printer").json["results"]) == 1


SECRET = "cron-secret-of-the-tests"


def cron(api, method, secret=SECRET):
    return api.call(method, "cron/tasks/execute", headers={"Authorization": f"Bearer {secret}"})


def test_the_cron_endpoint_says_how_it_stands(owner):
    answer = cron(owner, "GET")
    assert answer.status == 200
    assert answer.json == {
        "status": "operational",
        "enabled": True,
        "dry_run": False,
        "schedule": "Every 2 minutes",
    }
    owner.post("execution/hold", {"scope": "global", "reason": "x"})
    assert cron(owner, "GET").json["status"] == "paused"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_cron_endpoint_is_for_its_secret_alone(owner, settings, method):
    for secret in ("wrong", "", owner.headers["Authorization"].removeprefix("Bearer ")):
        answer = cron(owner, method, secret)
        assert answer.json["status"] == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    settings.CRON_SECRET = ""
    assert cron(owner, method, "").json["status"] == 404


def test_a_cron_post_polls_tasks_then_requests(cast, rosa, crm, settings, task):
    settings.ENABLE_AUTO_EXECUTION = False
    rosa.post(f"tasks/{task['id']}/approve")
    answer = cron(rosa, "POST")
    assert answer.status == 200
    assert answer.json == {
        "tasks": {"claimed": 1, "completed": 1, "failed": 0},
        "requests": {"claimed": 0, "succeeded": 0, "failed": 0, "uncertain": 0},
    }
    done = crm.get(f"tasks/{task['id']}").json
    assert (done["status"], done["execution_attempts"]) == ("completed", 1)
    assert done["plan"] in done["deliverable_url"]
    waiting = rosa.get("execution/pending", plan=done["plan"]).json["results"]
    assert {row["proposed_by"] for row in waiting} == {"agent:outreach"}
    assert {row["gates"][0]["gate"] for row in waiting} == {"HR_LANG"}
    lines = crm.get(f"tasks/{task['id']}/messages").json["results"]
    assert any("Completed." in line["text"] for line in lines)
    assert lines == sorted(lines, key=lambda line: line["id"])


def test_a_goal_in_words_puts_an_agent_to_work(cast, ada, rosa):
    answer = ada.post("goals", {**GOAL, "prospects": PROSPECTS})
    assert answer.status == 201, answer.text
    campaign, run = answer.json["campaign"], answer.json["run"]
    assert (campaign["status"], run["status"], run["started_by"]) == ("running", "queued", "human:ada")
    perform_run(workspace=cast.workspace, run_id=run["id"])
    shown = ada.get(f"runs/{run['id']}").json
    assert (shown["status"], shown["campaign"]) == ("done", campaign["id"])
    assert ada.get(f"campaigns/{campaign['id']}").json["counts"] == {"pending": 2}
    drafts = ada.get("outputs", campaign=campaign["id"]).json["results"]
    assert {d["contact_name"] for d in drafts} == {"Senator Hill's office", "Clean Water Coalition"}
    assert all(d["reason"] and d["cites"] and d["request"] for d in drafts)
    assert ada.get(f"outputs/{drafts[0]['id']}").json == drafts[0]
    assert len(rosa.get("execution/pending", campaign=campaign["id"]).json["results"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "goal"),
        ({"goal": ""}, "goal"),
        ({"goal": 5}, "goal"),
        ({**GOAL, "agent": "nobody"}, "agent"),
        ({**GOAL, "at_most": 0}, "at_most"),
        ({**GOAL, "prospects": []}, "prospects"),
        ({**GOAL, "prospects": ["x"]}, "prospects.0"),
        ({**GOAL, "prospect_list": "x"}, "prospect_list"),
        ({**GOAL, "prospect_list": "01900000-0000-7000-8000-000000000000"}, "prospect_list"),
        ({**GOAL, "status": "finished"}, "status"),
    ],
)
def test_it_names_what_is_wrong_with_a_goal_and_starts_nothing(ada, body, field):
    answer = ada.post("goals", body)
    assert answer.status == 400, answer.text
    assert field in answer.json["errors"]
    assert ada.get("campaigns").json["results"] == []


def test_a_campaign_from_a_csv_is_made_changed_and_started(cast, ada):
    csv = "name,email,organisation\nHill,hill@senate.example,Senate\n"
    listed = ada.post("prospect-lists", {"name": "Senate", "csv": csv}).json
    assert (listed["count"], ada.get("prospect-lists").json["results"][0]["id"]) == (1, listed["id"])
    made = ada.post("campaigns", {**GOAL, "prospect_list": listed["id"]})
    assert made.status == 201
    path = f"campaigns/{made.json['id']}"
    assert ada.patch(path, {"tone": "warm"}).json["tone"] == "warm"
    assert ada.post(f"{path}/start").json["status"] == "queued"
    assert ada.post(f"{path}/start").json["status"] == 409


def test_a_list_without_addresses_is_refused(ada):
    answer = ada.post("prospect-lists", {"name": "x", "csv": "name\nHill\n"})
    assert answer.json["status"] == 400


def test_a_failed_run_is_retried(cast, ada, api_of):
    run = ada.post("goals", {**GOAL, "prospects": PROSPECTS}).json["run"]
    assert ada.post(f"runs/{run['id']}/retry").json["status"] == 409
    with cast.scope():
        AgentRun.objects.update(status=RunStatus.FAILED)
    assert api_of("vic").post(f"runs/{run['id']}/retry").json["status"] == 403
    again = ada.post(f"runs/{run['id']}/retry")
    assert (again.status, again.json["status"]) == (202, "queued")


def test_the_figures_of_a_workspace(cast, rosa, crm, waiting):
    request = waiting()
    waiting()
    rosa.post("execution/reject", {"execution_id": str(request.pk)})
    body = rosa.get("metrics").json
    assert body["requests"]["proposed"] == 2
    assert body["requests"]["settled"] == {"rejected": 1}
    assert body["approvals"] == {"waiting": 1, "overdue": 0, "decisions": {"reject": 1}}
    assert body["contacts"]["suppressions"] == 2
    assert rosa.get("metrics", hours="0").json["status"] == 400


@pytest.mark.parametrize(
    "path",
    ["tasks/{task}", "tasks/{task}/approve", "tasks/{task}/messages", "campaigns/{campaign}", "runs/{run}"],
)
def test_another_workspaces_work_is_404(cast, ada, stranger, task, path):
    started = ada.post("goals", {**GOAL, "prospects": PROSPECTS}).json
    ids = {"task": task["id"], "campaign": started["campaign"]["id"], "run": started["run"]["id"]}
    assert stranger.get(path.format(**ids)).json["status"] == 404
    for action in (f"tasks/{ids['task']}/approve", f"campaigns/{ids['campaign']}/start", f"runs/{ids['run']}/retry"):
        assert stranger.post(action).status in (403, 404)
    with cast.scope():
        assert Task.objects.get().approval == "pending"
