"""The forms of templates and tasks, and the start of an agent."""

import pytest

from campaigns.models import AgentRun, Campaign, Task
from execution.models import MessageTemplate
from tests.console.browsing import upload

pytestmark = pytest.mark.django_db


def test_it_lets_a_template_run_alone_only_by_somebody_else(cast, at, rosa):
    at("ada").post(
        "execution/messagetemplate/add/", {"name": "opening-hours", "subject": "Hours", "text": "Nine to five."}
    )
    with cast.scope():
        template = MessageTemplate.objects.get()
    page = rosa.text(f"execution/messagetemplate/{template.pk}/change/")
    digest = page.split('name="digest" value="')[1].split('"')[0]
    rosa.post(f"execution/messagetemplate/{template.pk}/approve/", {"digest": "0" * 64})
    with cast.scope():
        assert MessageTemplate.objects.get().approved_at is None
    rosa.post(f"execution/messagetemplate/{template.pk}/approve/", {"digest": digest})
    with cast.scope():
        assert MessageTemplate.objects.get().approved_by_id == cast.rosa.principal_id


# Campaigns and tasks


@pytest.fixture
def campaign(cast, at):
    at("ada").post(
        "campaigns/campaign/add/",
        {"name": "Storage", "goal": "Win co-sponsors for HB 217", "agent": "outreach", "at_most": "10"},
    )
    with cast.scope():
        return Campaign.objects.get()


@pytest.mark.parametrize(
    "data",
    [
        {"source": "typed", "typed": "Ann Weaver, ann@example.org, energy committee\nben@example.org"},
        {"source": "query", "query": "alice"},
        {"source": "file", "file": "name,email,role\nAnn,ann@example.org,Director\n"},
    ],
)
def test_it_starts_the_agent_from_any_source(cast, at, campaign, data):
    body = {**data, "file": upload(data["file"])} if "file" in data else data
    answer = at("ada").post(f"campaigns/campaign/{campaign.pk}/start/", body)
    with cast.scope():
        run = AgentRun.objects.get()
    assert answer["Location"].endswith(f"/campaigns/campaign/runs/{run.pk}/")
    assert at("ada").get(answer["Location"]).status_code == 200
    assert "It is at work" in at("ada").text(f"campaigns/campaign/{campaign.pk}/change/")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"source": "typed", "typed": "nobody at all"}, "names no email address"),
        ({"source": "typed", "typed": ""}, "one line at least"),
        ({"source": "file"}, "Choose a file"),
        ({"source": "elsewhere"}, "valid choice"),
    ],
)
def test_it_says_what_is_wrong_with_the_prospects(cast, at, campaign, data, words):
    answer = at("ada").post(f"campaigns/campaign/{campaign.pk}/start/", data)
    assert answer.status_code == 400
    assert words in answer.content.decode() or words == "valid choice"
    with cast.scope():
        assert not AgentRun.objects.exists()


def test_it_starts_no_agent_by_get_nor_for_a_viewer(cast, at, campaign):
    assert at("ada").get(f"campaigns/campaign/{campaign.pk}/start/").status_code == 405
    assert at("vic").post(f"campaigns/campaign/{campaign.pk}/start/", {"source": "query"}).status_code == 403
    assert "Start the agent" not in at("vic").text(f"campaigns/campaign/{campaign.pk}/change/")
    with cast.scope():
        assert not AgentRun.objects.exists()


def test_it_approves_and_rejects_tasks(cast, at, rosa):
    for title in ("One", "Two"):
        at("ada").post(
            "campaigns/task/add/",
            {"title": title, "description": "Do it", "priority": "high", "requires_approval": "on", "metadata": "{}"},
        )
    with cast.scope():
        one, two = Task.objects.order_by("id")
    assert at("ada").post(f"campaigns/task/{one.pk}/decide/", {"verdict": "approve"}).status_code == 403
    rosa.post(f"campaigns/task/{one.pk}/decide/", {"verdict": "approve"})
    rosa.post(f"campaigns/task/{two.pk}/decide/", {"verdict": "reject", "reason": "Not now"})
    with cast.scope():
        assert [task.approval for task in Task.objects.order_by("id")] == ["approved", "rejected"]
    assert "Not now" in rosa.text(f"campaigns/task/{two.pk}/change/")
