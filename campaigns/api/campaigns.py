"""Campaigns and goals, the prospects they draw on, the runs of their agents and what those wrote."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors
from campaigns.api.bodies import (
    CampaignBody,
    CampaignsQuery,
    GoalBody,
    OutputsQuery,
    ProspectsBody,
    RunsQuery,
    StartBody,
)
from campaigns.api.shapes import CampaignShape, OutputShape, ProspectListShape, RunShape, StartedShape, ready_run
from campaigns.models import AgentRun, Campaign, ProspectList
from campaigns.services import campaigns as services
from campaigns.services.agent_runs import retry_run
from execution import queue
from workspaces.api.bodies import Body
from workspaces.api.views import CURSOR, LIMIT, PatchView, WorkspaceView, page_of, problems
from workspaces.errors import NotFound


class _CampaignView(WorkspaceView):
    def campaign(self, campaign_id: UUID) -> Campaign:
        found = selectors.campaign_named(workspace=self.workspace, campaign_id=campaign_id)
        with_counts([found])
        return found

    def listed(self) -> Response:
        rows = selectors.campaigns(workspace=self.workspace, **self.query(CampaignsQuery))
        return self.page(rows, CampaignShape, ready=with_counts)


class CampaignsView(_CampaignView):
    @extend_schema(
        operation_id="list_campaigns",
        parameters=[CampaignsQuery, LIMIT, CURSOR],
        responses={200: page_of(CampaignShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Campaigns, newest first."""
        return self.listed()

    @extend_schema(operation_id="create_campaign", request=CampaignBody, responses={201: CampaignShape, **problems()})
    def post(self, request: Request) -> Response:
        """Make a campaign; nothing runs before it is started."""
        made = services.create_campaign(workspace=self.workspace, actor=self.actor, **self.body(CampaignBody))
        return self.made(self.shown(CampaignShape, self.campaign(made.pk)), at=made.pk)


class CampaignView(_CampaignView, PatchView):
    @extend_schema(operation_id="read_campaign", responses={200: CampaignShape, **problems(404)})
    def get(self, request: Request, campaign_id: UUID) -> Response:
        """One campaign."""
        return Response(self.shown(CampaignShape, self.campaign(campaign_id)))

    @extend_schema(
        operation_id="change_campaign", request=CampaignBody, responses={200: CampaignShape, **problems(404)}
    )
    def patch(self, request: Request, campaign_id: UUID) -> Response:
        """Change what is named; what is proposed already stays as it was."""
        changes = self.body(CampaignBody, partial=True)
        services.update_campaign(workspace=self.workspace, actor=self.actor, campaign_id=campaign_id, **changes)
        return Response(self.shown(CampaignShape, self.campaign(campaign_id)))


class StartView(WorkspaceView):
    @extend_schema(operation_id="start_campaign", request=StartBody, responses={202: RunShape, **problems(404, 409)})
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """Put the campaign's agent to work; a worker does it."""
        run = services.start_campaign(
            workspace=self.workspace, actor=self.actor, campaign_id=campaign_id, **self.body(StartBody)
        )
        return Response(self.shown(RunShape, ready_run(run)), status=202)


class GoalsView(_CampaignView):
    @extend_schema(
        operation_id="list_goals",
        parameters=[CampaignsQuery, LIMIT, CURSOR],
        responses={200: page_of(CampaignShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Goals, each with the campaign made of it, newest first."""
        return self.listed()

    @extend_schema(operation_id="start_goal", request=GoalBody, responses={201: StartedShape, **problems(409)})
    def post(self, request: Request) -> Response:
        """From a goal in words: a campaign, and its agent at work."""
        given = self.body(GoalBody)
        prospects = given.pop("prospects", None)
        with transaction.atomic():
            made = services.create_campaign(workspace=self.workspace, actor=self.actor, **given)
            run = services.start_campaign(
                workspace=self.workspace, actor=self.actor, campaign_id=made.pk, prospects=prospects
            )
        data = {"campaign": self.campaign(made.pk), "run": ready_run(run)}
        return self.made(self.shown(StartedShape, data), at=made.pk)


class ProspectListsView(WorkspaceView):
    @extend_schema(
        operation_id="list_prospect_lists",
        parameters=[LIMIT, CURSOR],
        responses={200: page_of(ProspectListShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Uploaded lists of prospects, newest first."""
        self.query()
        rows: QuerySet[ProspectList] = ProspectList.objects.filter(workspace=self.workspace)
        return self.page(rows.select_related("created_by"), ProspectListShape)

    @extend_schema(
        operation_id="upload_prospects", request=ProspectsBody, responses={201: ProspectListShape, **problems(413)}
    )
    def post(self, request: Request) -> Response:
        """Keep the rows of a CSV file for an agent to read."""
        given = self.body(ProspectsBody)
        made = services.save_prospects(
            workspace=self.workspace, actor=self.actor, name=given["name"], data=given["csv"].encode()
        )
        found = ProspectList.objects.select_related("created_by").get(pk=made.pk)
        return self.made(self.shown(ProspectListShape, found), at=made.pk)


class RunsView(WorkspaceView):
    @extend_schema(
        operation_id="list_runs",
        parameters=[RunsQuery, LIMIT, CURSOR],
        responses={200: page_of(RunShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Runs of agents, newest first."""
        rows = selectors.runs(workspace=self.workspace).filter(**_by_ids(self.query(RunsQuery)))
        return self.page(rows, RunShape)


class RunView(WorkspaceView):
    @extend_schema(operation_id="read_run", responses={200: RunShape, **problems(404)})
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run."""
        found = selectors.runs(workspace=self.workspace).filter(pk=run_id).first()
        if found is None:
            raise NotFound("There is no such run in this workspace.")
        return Response(self.shown(RunShape, found))


class RetryRunView(WorkspaceView):
    @extend_schema(operation_id="retry_run", request=None, responses={202: RunShape, **problems(404, 409)})
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let a failed run go on from where it stopped; a worker does it."""
        self.body(Body)
        with transaction.atomic():
            run: AgentRun = retry_run(workspace=self.workspace, actor=self.actor, run_id=run_id)
            queue.enqueue(services.PERFORM, str(self.workspace.id), str(run.id))
        return Response(self.shown(RunShape, ready_run(run)), status=202)


class OutputsView(WorkspaceView):
    @extend_schema(
        operation_id="list_outputs",
        parameters=[OutputsQuery, LIMIT, CURSOR],
        responses={200: page_of(OutputShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """What agents wrote, newest first."""
        wanted = _by_ids(self.query(OutputsQuery))
        if "campaign_id" in wanted:
            wanted["run__campaign_id"] = wanted.pop("campaign_id")
        return self.page(selectors.drafts(workspace=self.workspace).filter(**wanted), OutputShape)


class OutputView(WorkspaceView):
    @extend_schema(operation_id="read_output", responses={200: OutputShape, **problems(404)})
    def get(self, request: Request, draft_id: UUID) -> Response:
        """One draft."""
        found = selectors.drafts(workspace=self.workspace).filter(pk=draft_id).first()
        if found is None:
            raise NotFound("There is no such draft in this workspace.")
        return Response(self.shown(OutputShape, found))


def with_counts(campaigns: Iterable[Campaign]) -> None:
    """Put on each campaign how many of its requests are in which state, in one query for all."""
    campaigns = list(campaigns)
    counts = selectors.campaign_counts(campaign_ids=[campaign.pk for campaign in campaigns])
    for campaign in campaigns:
        campaign.counts = counts.get(campaign.pk, {})  # type: ignore[attr-defined]


def _by_ids(wanted: dict[str, Any]) -> dict[str, Any]:
    return {f"{key}_id" if isinstance(value, UUID) else key: value for key, value in wanted.items()}
