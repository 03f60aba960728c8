"""Runs of agents: put on record, performed, taken up again. What one comes to is proposed in its agent's name."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from campaigns import audit_actions  # noqa: F401  (registers the actions recorded here)
from campaigns.agents.base import AgentContext, AgentResult, Proposal
from campaigns.agents.registry import get_agent
from campaigns.errors import Held
from campaigns.llm import model_for
from campaigns.models import AgentRun, Campaign, Draft, Task
from campaigns.prospects import read_prospects
from campaigns.services.desk import LEASE, RunDesk, check_holds
from campaigns.states import CampaignStatus, DraftStatus, RunStatus
from campaigns.writers.base import Brief
from campaigns.writers.claude import ClaudeWriter
from campaigns.writers.offline import OfflineWriter
from execution import propose_plan, queue
from execution.types import Origin
from execution.types import Proposal as Act
from workspaces import audit
from workspaces.actors import Actor, agent_actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, CountersignError, NotFound
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope
from workspaces.settings_store import get_setting

logger = logging.getLogger(__name__)
PERFORM = "campaigns.tasks.perform_run"
_BELL_IS_LATE_AFTER = timedelta(minutes=1)


def create_run(
    *,
    workspace: Workspace,
    actor: Actor,
    agent: str,
    inputs: Mapping[str, Any],
    campaign: Campaign | None = None,
    task: Task | None = None,
    request_id: UUID | None = None,
) -> AgentRun:
    """Put a run on record; `perform_run` does it. Raises InvalidInput for `agent` or `inputs.FIELD`, NotPermitted.

    request_id: the act of the channel `agent` that asks for it; an act has one run, however often it is performed.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    checked = get_agent(agent).inputs.read(inputs).model_dump(mode="json", exclude_none=True)
    values = {"agent": agent, "inputs": checked, "started_by_id": actor.principal_id}
    with workspace_scope(workspace):
        if request_id is None:
            return AgentRun.objects.create(workspace=workspace, campaign=campaign, task=task, **values)
        run, _ = AgentRun.objects.get_or_create(workspace=workspace, request_id=request_id, defaults=values)
        return run


def perform_run(*, workspace: Workspace, run_id: UUID | str) -> AgentRun:
    """Do a run, or go on with one that broke off: targets chosen and words written already are kept.

    Raises AgentFailed, ModelFailed and whatever `propose_plan` refuses, after putting it on the run; Held, and then the
    run waits; Conflict while another process is at it. A run that is done is answered as it is. Call it with no
    transaction open: a model may take minutes.
    """
    with workspace_scope(workspace):
        run = _take_up(workspace=workspace, run_id=run_id)
        if run.status == RunStatus.DONE:
            return run
        try:
            check_holds(run)
            _propose(run=run, result=_work(run))
        except Held as held:
            _put_back(run=run, why=held.detail)
            raise
        except CountersignError as error:
            _fail(run=run, error=error)
            raise
        except Exception as error:
            _fail(run=run, error=CountersignError(f"It broke off ({type(error).__name__}); the log has the details."))
            raise
        return AgentRun.objects.select_related("plan", "campaign").get(pk=run.pk)


def retry_run(*, workspace: Workspace, actor: Actor, run_id: UUID | str) -> AgentRun:
    """Let a failed run go on; whoever calls rings for a worker with PERFORM.

    Raises Conflict where it has not failed or is a task's, NotFound, NotPermitted.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        run = _locked(workspace=workspace, run_id=run_id)
        if run.status != RunStatus.FAILED:
            raise Conflict("Only a failed run can be tried again.")
        if run.task_id:
            raise Conflict("This run belongs to a task. Set the task to new, and the poll takes it up.")
        run.status, run.error, run.tries = RunStatus.QUEUED, "", 0
        run.save(update_fields=["status", "error", "tries"])
        audit.record(action="run.retried", actor=actor, workspace_id=workspace.id, subject=run)
    return run


def resume_runs(*, workspace: Workspace) -> None:
    """Ring again for runs whose bell was lost or whose process died; give up those that keep breaking off.

    Runs of tasks come round with their task.
    """
    with workspace_scope(workspace):
        now = database_now()
        late = Q(status=RunStatus.QUEUED, created_at__lt=now - _BELL_IS_LATE_AFTER)
        orphaned = Q(status=RunStatus.RUNNING, lease_until__lt=now)
        most = get_setting(key="max_attempts", workspace=workspace)
        for run in AgentRun.objects.filter(late | orphaned, workspace=workspace, task=None).order_by("id")[:20]:
            if run.tries < most:
                queue.enqueue(PERFORM, str(workspace.id), str(run.id))
            else:
                _fail(run=run, error=CountersignError(f"It broke off {run.tries} times. Look at the log, then retry."))


def _locked(*, workspace: Workspace, run_id: UUID | str) -> AgentRun:
    run: AgentRun | None = AgentRun.objects.select_for_update().filter(workspace=workspace, pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run in this workspace.")
    return run


def _take_up(*, workspace: Workspace, run_id: UUID | str) -> AgentRun:
    with transaction.atomic():
        run = _locked(workspace=workspace, run_id=run_id)
        if run.status == RunStatus.DONE:
            return run
        now = database_now()
        if run.status == RunStatus.RUNNING and run.lease_until and run.lease_until > now:
            raise Conflict("Another process is at work on this run.")
        run.status, run.started_at, run.lease_until = RunStatus.RUNNING, now, now + LEASE
        run.tries, run.error = run.tries + 1, ""
        run.save(update_fields=["status", "started_at", "lease_until", "tries", "error"])
        if run.campaign_id:
            Campaign.objects.filter(pk=run.campaign_id).update(status=CampaignStatus.RUNNING)
    return AgentRun.objects.select_related("workspace", "campaign", "task").get(pk=run.pk)


def _work(run: AgentRun) -> AgentResult:
    agent = get_agent(run.agent)
    inputs = agent.inputs.read(run.inputs)
    sources = {name: getattr(inputs, name, None) for name in ("prospect_list", "prospects", "query")}
    found = read_prospects(workspace=run.workspace, **sources) if agent.wants_prospects else []
    model = model_for(workspace=run.workspace, run_id=run.pk)
    return agent.run(
        AgentContext(
            inputs=inputs,
            brief=Brief(**{name: getattr(inputs, name, "") for name in Brief.__dataclass_fields__}),
            prospects=[one.prospect for one in found],
            writer=ClaudeWriter(model=model) if model else OfflineWriter(),
            model=model,
            desk=RunDesk(run=run, found={one.prospect.ref: one for one in found}),
        )
    )


def _propose(*, run: AgentRun, result: AgentResult) -> None:
    """Hand the drafts over, and mark the run done, in one transaction: a plan is never proposed twice."""
    campaign = run.campaign
    label = campaign.name if campaign else ""
    actor = agent_actor(workspace=run.workspace, slug=run.agent)
    with transaction.atomic():
        held = _locked(workspace=run.workspace, run_id=run.pk)
        if held.status != RunStatus.RUNNING or held.tries != run.tries:
            raise Conflict("Another process took this run over; its result counts.")
        drafts = {(d.contact_id, d.channel): d for d in Draft.objects.filter(run=run)}
        plan = propose_plan(
            workspace=run.workspace,
            actor=actor,
            title=result.title,
            goal=result.goal,
            items=[_act(p, drafts[(p.contact, p.channel)], run=run) for p in result.proposals],
            origin=Origin(kind="run", id=run.pk, agent=run.agent, campaign_id=run.campaign_id, campaign_label=label),
        )
        requests = dict(plan.requests.values_list("origin_id", "id"))
        for draft in drafts.values():
            if draft.pk in requests:
                Draft.objects.filter(pk=draft.pk).update(status=DraftStatus.PROPOSED, request_id=requests[draft.pk])
        AgentRun.objects.filter(pk=run.pk).update(
            status=RunStatus.DONE, plan=plan, summary=result.summary, ended_at=database_now(), lease_until=None
        )
        if campaign:
            Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.PROPOSED)
        audit.record(
            action="run.proposed", actor=actor, workspace_id=run.workspace_id, subject=run, data={"size": plan.size}
        )


def _act(proposal: Proposal, draft: Draft, *, run: AgentRun) -> Act:
    campaign = run.campaign
    return Act(
        channel=proposal.channel,
        payload=dict(proposal.payload),
        contact=proposal.contact,
        idempotency_key=f"draft:{draft.pk}",
        metadata={
            "writer": proposal.writer,
            "notes": list(proposal.notes),
            "reason": draft.reason,
            "cites": draft.cites,
            "claims": [{"text": text, "source": source} for text, source in proposal.claims],
        },
        origin=Origin(
            kind="draft",
            id=draft.pk,
            label=campaign.name if campaign else "",
            agent=run.agent,
            campaign_id=run.campaign_id,
            campaign_label=campaign.name if campaign else "",
        ),
    )


def _put_back(*, run: AgentRun, why: str) -> None:
    """A hold is no failure: the run waits, and the try does not count."""
    AgentRun.objects.filter(pk=run.pk, tries=run.tries, status=RunStatus.RUNNING).update(
        status=RunStatus.QUEUED, tries=run.tries - 1, error=why, lease_until=None
    )


def _fail(*, run: AgentRun, error: CountersignError) -> None:
    with transaction.atomic():
        rows = AgentRun.objects.filter(pk=run.pk, tries=run.tries).exclude(status=RunStatus.DONE)
        if not rows.update(status=RunStatus.FAILED, error=error.detail, ended_at=database_now(), lease_until=None):
            return  # another process took it over
        if run.campaign_id:
            proposed = AgentRun.objects.filter(campaign=run.campaign_id, status=RunStatus.DONE).exists()
            status = CampaignStatus.PROPOSED if proposed else CampaignStatus.DRAFT
            Campaign.objects.filter(pk=run.campaign_id).update(status=status)
        audit.record(
            action="run.failed",
            actor=agent_actor(workspace=run.workspace, slug=run.agent),
            workspace_id=run.workspace_id,
            subject=run,
            data={"agent": run.agent, "code": error.code},
        )
    logger.info("Run %s of %s failed: %s", run.pk, run.agent, error.code)


def plan_address(*, workspace: Workspace, plan_id: UUID) -> str:
    """Where people look at a plan."""
    return f"{settings.PUBLIC_URL}/w/{workspace.slug}/admin/execution/executionplan/{plan_id}/change/"
