"""Campaigns: made, changed, started."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from campaigns import audit_actions  # noqa: F401  (registers the actions recorded here)
from campaigns.agents.registry import get_agent
from campaigns.models import AgentRun, Campaign, ProspectList
from campaigns.prospects import from_rows
from campaigns.services.agent_runs import PERFORM as PERFORM  # whoever prepares a run rings with it
from campaigns.services.agent_runs import create_run
from campaigns.states import CampaignStatus, RunStatus
from contacts.services.csv_reading import read_table
from contacts.services.writing import line, prose
from execution import queue
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import Conflict, InvalidInput, NotFound
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

WORDS = ("name", "cause", "goal", "ask", "audience", "tone", "sender_name", "sender_role", "sender_organisation")
EDITABLE = (*WORDS, "agent", "query", "at_most", "prospect_list")
_MOST_ROWS = 500
_PROSE = ("goal", "ask")
_MOST_PROSE = 4_000


def create_campaign(*, workspace: Workspace, actor: Actor, **fields: Any) -> Campaign:
    """Make a campaign from EDITABLE fields; `goal` is needed, `name` is taken from it where left out.

    Raises InvalidInput naming each field, NotPermitted.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        campaign = Campaign(workspace=workspace, created_by_id=actor.principal_id)
        _apply(campaign=campaign, fields=fields)
        campaign.save(force_insert=True)
        audit.record(action="campaign.created", actor=actor, workspace_id=workspace.id, subject=campaign)
    return campaign


def update_campaign(*, workspace: Workspace, actor: Actor, campaign_id: UUID | str, **fields: Any) -> Campaign:
    """Change EDITABLE fields. What is proposed already stays as it was. Raises as `create_campaign`, and NotFound."""
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        campaign = _locked(workspace=workspace, campaign_id=campaign_id)
        _apply(campaign=campaign, fields=fields)
        campaign.save(update_fields=list(fields) or None)
        audit.record(
            action="campaign.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=campaign,
            data={"fields": ", ".join(sorted(fields))},
        )
    return campaign


def start_campaign(
    *, workspace: Workspace, actor: Actor, campaign_id: UUID | str, prospects: Sequence[Mapping[str, Any]] | None = None
) -> AgentRun:
    """Put the campaign's agent to work; a worker does it. `prospects`: rows given by hand, for this run alone.

    Raises Conflict while it is at work already, InvalidInput, NotFound, NotPermitted.
    """
    run = prepare_run(workspace=workspace, actor=actor, campaign_id=campaign_id, prospects=prospects)
    queue.enqueue(PERFORM, str(workspace.id), str(run.id))
    return run


def prepare_run(
    *, workspace: Workspace, actor: Actor, campaign_id: UUID | str, prospects: Sequence[Mapping[str, Any]] | None = None
) -> AgentRun:
    """What `start_campaign` puts on record, without ringing for a worker."""
    with workspace_scope(workspace), transaction.atomic():
        campaign = _locked(workspace=workspace, campaign_id=campaign_id)
        busy = AgentRun.objects.filter(campaign=campaign, status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
        if busy.exists():
            raise Conflict("Its agent is at work already. Wait for it, or look at the run.")
        run = create_run(
            workspace=workspace,
            actor=actor,
            agent=campaign.agent,
            inputs=_inputs(campaign=campaign, prospects=prospects),
            campaign=campaign,
        )
        Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.RUNNING)
        audit.record(
            action="campaign.started",
            actor=actor,
            workspace_id=workspace.id,
            subject=campaign,
            data={"agent": campaign.agent, "run": str(run.id)},
        )
    return run


def save_prospects(*, workspace: Workspace, actor: Actor, name: str, data: bytes) -> ProspectList:
    """Keep the rows of a CSV file (UTF-8 or Windows-1252, 500 rows at most) for an agent to read.

    Raises InvalidInput that says what is wrong and in which row, NotPermitted.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    rows = [{"row": str(number), **cells} for number, cells in read_table(data=data)]
    if len(rows) > _MOST_ROWS:
        raise InvalidInput(
            f"The list has {len(rows):,} rows; {_MOST_ROWS} at most in one campaign. Split it.",
            fields={"file": f"{_MOST_ROWS} rows at most."},
        )
    columns = list(dict.fromkeys(column for row in rows for column in row if column != "row"))
    if "email" not in columns:
        raise InvalidInput(
            "No column holds email addresses. Name one “email”.", fields={"file": "A column “email” is needed."}
        )
    from_rows(rows=rows, source=name)  # what an agent could not read is refused now, row by row
    with workspace_scope(workspace):
        return ProspectList.objects.create(
            workspace=workspace,
            name=name.strip()[:200] or "list",
            columns=columns,
            rows=rows,
            created_by_id=actor.principal_id,
        )


def _inputs(*, campaign: Campaign, prospects: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(campaign, name) for name in WORDS if name != "name"}
    values["at_most"] = campaign.at_most
    if prospects is not None:
        values["prospects"] = [dict(row) for row in prospects]
    elif campaign.prospect_list_id:
        values["prospect_list"] = str(campaign.prospect_list_id)
    elif campaign.query:
        values["query"] = campaign.query
    known = set(get_agent(campaign.agent).inputs.model_fields)
    return {name: value for name, value in values.items() if name in known and value != ""}


def _locked(*, workspace: Workspace, campaign_id: UUID | str) -> Campaign:
    campaign = Campaign.objects.select_for_update().filter(workspace=workspace, pk=campaign_id).first()
    if campaign is None:
        raise NotFound("There is no such campaign in this workspace.")
    return campaign


def _apply(*, campaign: Campaign, fields: Mapping[str, Any]) -> None:
    problems = dict.fromkeys(set(fields) - set(EDITABLE), "Not a part of a campaign.")
    for name, value in fields.items():
        if name in problems:
            continue
        if name == "prospect_list":
            problems.update(_set_list(campaign=campaign, value=value))
        elif name == "at_most":
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_ROWS:
                problems[name] = f"A whole number from 1 to {_MOST_ROWS}."
            else:
                campaign.at_most = value
        else:
            try:
                text = prose(value, most=_MOST_PROSE) if name in _PROSE else line(value, most=_most(name))
            except ValueError as error:
                problems[name] = str(error)
            else:
                setattr(campaign, name, text)
    if not campaign.goal:
        problems["goal"] = "Say in words what the campaign is to reach."
    campaign.name = campaign.name or " ".join(campaign.goal.split())[:80]
    try:
        get_agent(campaign.agent)
    except InvalidInput as error:
        problems.update(error.fields)
    if problems:
        told = "; ".join(f"{name}: {text}" for name, text in list(problems.items())[:5])
        raise InvalidInput(f"The campaign cannot be saved like this. {told}", fields=problems)


def _most(name: str) -> int:
    most: int = getattr(Campaign._meta.get_field(name), "max_length", 0)
    return most


def _set_list(*, campaign: Campaign, value: Any) -> dict[str, str]:
    found = value if isinstance(value, ProspectList) else None
    if value is not None and found is None:
        try:
            found = ProspectList.objects.filter(workspace=campaign.workspace, pk=UUID(str(value))).first()
        except ValueError:
            found = None
        if found is None:
            return {"prospect_list": "No list of this workspace has this id."}
    campaign.prospect_list = found
    return {}
