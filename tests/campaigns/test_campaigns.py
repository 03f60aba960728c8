from typing import Any

import pytest

from campaigns.models import AgentRun, Campaign
from campaigns.services.agent_runs import perform_run
from campaigns.services.campaigns import create_campaign, prepare_run, start_campaign, update_campaign
from campaigns.services.reconcile import reconcile_all
from campaigns.tasks import perform_run as perform_run_bell
from execution.models import ExecutionRequest
from execution.services.lifecycle import cancel
from tests.builders import Cast
from tests.campaigns.world import PROSPECTS
from workspaces.errors import Conflict, InvalidInput, NotPermitted


def make_campaign(cast: Cast, **fields: Any) -> Campaign:
    return create_campaign(workspace=cast.workspace, actor=cast.ada, **{"goal": "Win clean energy.", **fields})


def run_campaign(cast: Cast, campaign: Campaign) -> AgentRun:
    run = prepare_run(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk, prospects=PROSPECTS)
    return perform_run(workspace=cast.workspace, run_id=run.pk)


def status_of(cast: Cast, campaign: Campaign) -> str:
    with cast.scope():
        return Campaign.objects.get(pk=campaign.pk).status


def test_a_campaign_takes_its_name_from_its_goal(cast: Cast):
    assert make_campaign(cast, goal="Win   a vote.").name == "Win a vote."


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"goal": ""}, "goal"),
        ({"goal": "a\0b"}, "goal"),
        ({"cause": "two\nlines"}, "cause"),
        ({"tone": 5}, "tone"),
        ({"at_most": True}, "at_most"),
        ({"at_most": 501}, "at_most"),
        ({"agent": "nobody"}, "agent"),
        ({"prospect_list": "no-id"}, "prospect_list"),
        ({"status": "finished"}, "status"),
    ],
)
def test_it_names_the_field_that_does_not_fit(cast: Cast, fields: dict[str, Any], field: str):
    with pytest.raises(InvalidInput) as refused:
        make_campaign(cast, **fields)
    assert field in refused.value.fields


def test_a_viewer_makes_and_starts_nothing(cast: Cast):
    with pytest.raises(NotPermitted):
        create_campaign(workspace=cast.workspace, actor=cast.vic, goal="x")
    campaign = make_campaign(cast)
    with pytest.raises(NotPermitted):
        start_campaign(workspace=cast.workspace, actor=cast.vic, campaign_id=campaign.pk)
    assert status_of(cast, campaign) == "draft"


def test_a_start_rings_for_a_worker_which_does_the_run(cast: Cast, django_capture_on_commit_callbacks, monkeypatch):
    rung: list[tuple[Any, ...]] = []
    monkeypatch.setattr("execution.queue.async_task", lambda *told: rung.append(told))
    campaign = make_campaign(cast)
    with django_capture_on_commit_callbacks(execute=True):
        run = start_campaign(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk, prospects=PROSPECTS)
    assert rung == [("campaigns.tasks.perform_run", str(cast.workspace.id), str(run.pk))]
    perform_run_bell(*rung[0][1:])
    perform_run_bell(*rung[0][1:])
    assert status_of(cast, campaign) == "proposed"
    with cast.scope():
        requests = ExecutionRequest.objects.filter(campaign_id=campaign.pk)
        assert requests.count() == 2
        assert {request.campaign_label for request in requests} == {campaign.name}


def test_a_campaign_at_work_is_not_started_twice(cast: Cast):
    campaign = make_campaign(cast)
    prepare_run(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk)
    with pytest.raises(Conflict):
        prepare_run(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk)


def test_what_the_campaign_says_reaches_the_words(cast: Cast):
    campaign = make_campaign(cast, cause="the Grid Act", ask="Will you vote yes?", sender_name="Robin Vale")
    run_campaign(cast, campaign)
    with cast.scope():
        texts = [request.payload["text"] for request in ExecutionRequest.objects.filter(campaign_id=campaign.pk)]
    assert all("Will you vote yes?" in text and "Robin Vale" in text and "the Grid Act" in text for text in texts)


def test_a_run_that_fails_leaves_the_campaign_to_be_started_again(cast: Cast):
    campaign = make_campaign(cast)
    rows = [{"name": "No mail"}]
    run = prepare_run(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk, prospects=rows)
    perform_run_bell(str(cast.workspace.id), str(run.pk))
    assert status_of(cast, campaign) == "draft"
    run_campaign(cast, campaign)
    assert status_of(cast, campaign) == "proposed"


def test_a_change_is_kept_and_an_unknown_field_is_not(cast: Cast):
    campaign = make_campaign(cast)
    changed = update_campaign(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk, tone="Brief")
    assert changed.tone == "Brief"
    with pytest.raises(InvalidInput):
        update_campaign(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk, created_by="me")


def test_a_campaign_is_finished_when_nothing_of_it_is_open(cast: Cast, django_capture_on_commit_callbacks):
    campaign = make_campaign(cast)
    run_campaign(cast, campaign)
    with cast.scope():
        first, second = ExecutionRequest.objects.filter(campaign_id=campaign.pk)
    with django_capture_on_commit_callbacks(execute=True):
        cancel(workspace=cast.workspace, actor=cast.rosa, request_id=first.pk)
    assert status_of(cast, campaign) == "proposed"
    with django_capture_on_commit_callbacks(execute=True):
        cancel(workspace=cast.workspace, actor=cast.rosa, request_id=second.pk)
    assert status_of(cast, campaign) == "finished"


def test_lost_news_is_made_up_for(cast: Cast):
    campaign = make_campaign(cast)
    run_campaign(cast, campaign)
    with cast.scope():
        for request in ExecutionRequest.objects.filter(campaign_id=campaign.pk):
            cancel(workspace=cast.workspace, actor=cast.rosa, request_id=request.pk)
    assert status_of(cast, campaign) == "proposed"
    reconcile_all()
    assert status_of(cast, campaign) == "finished"
