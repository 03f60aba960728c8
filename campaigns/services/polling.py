"""Working through tasks: claimed in their order, run by their agent, retried with backoff, escalated."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.agents.registry import get_agent
from campaigns.backoff import retry_delay
from campaigns.errors import Held
from campaigns.models import AgentRun, Task, TaskPriority
from campaigns.services.agent_runs import create_run, perform_run, plan_address, resume_runs
from campaigns.services.desk import LEASE
from campaigns.services.tasks import locked_task, move, say
from campaigns.states import RunStatus, TaskStatus
from execution.engine.limits import take_poll
from execution.models import HoldScope
from execution.selectors.holds import hold_on
from execution.selectors.status import holds_in_force
from execution.services.alerts import raise_alert
from workspaces import audit
from workspaces.actors import Actor, system_actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, CountersignError
from workspaces.models import Workspace
from workspaces.scope import all_workspaces, workspace_scope
from workspaces.settings_store import effective_settings

logger = logging.getLogger(__name__)
# Before the queue ends a job that takes too long (Q_CLUSTER timeout): what is left comes with the next poll.
_STOP_TAKING_UP_AFTER = timedelta(minutes=5)
_LOOK_AGAIN_AFTER = timedelta(minutes=1)

_Outcome = Literal["completed", "failed", "held"]


@dataclass(slots=True, kw_only=True)
class PollResult:
    """What one poll did with tasks."""

    claimed: int = 0
    completed: int = 0
    failed: int = 0


def poll_tasks(*, manual: bool = False, workspace: Workspace | None = None) -> PollResult:
    """Take up what is new, approved or needing no approval, with tries left, by priority then age: at most
    `poll_limit` in each workspace. A poll run that finds work counts under the limits with the scope `tasks`.

    manual: started by a person or the cron endpoint, so that it acts although carrying out by itself is off.
    Each task is claimed right before it runs, so several pollers share the work and none waits in a dead process.
    """
    result = PollResult()
    until = database_now() + _STOP_TAKING_UP_AFTER
    for one in [workspace] if workspace else _with_anything_open():
        _poll_workspace(workspace=one, manual=manual, until=until, result=result)
    return result


def _with_anything_open() -> list[Workspace]:
    """The workspaces with a task or a run that is not over, asked at once: an installation has many that have none."""
    with all_workspaces("the poll serves every workspace"):
        tasks = Task.objects.filter(workspace=OuterRef("pk"), status__in=[TaskStatus.NEW, TaskStatus.IN_PROGRESS])
        runs = AgentRun.objects.filter(workspace=OuterRef("pk"), status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
        return list(Workspace.objects.filter(Exists(tasks) | Exists(runs)))


def _poll_workspace(*, workspace: Workspace, manual: bool, until: datetime, result: PollResult) -> None:
    actor = system_actor("poll")
    with workspace_scope(workspace):
        values = effective_settings(workspace=workspace)
        automatic = settings.ENABLE_AUTO_EXECUTION and values["execution_enabled"]
        if not (manual or automatic) or hold_on(workspace=workspace):
            return
        resume_runs(workspace=workspace)
        _give_up_orphans(workspace=workspace, values=values, actor=actor)
        ready = _ready(workspace=workspace, max_attempts=values["max_attempts"])
        if not ready.exists() or take_poll(workspace=workspace):
            return
        seen: list[UUID] = []
        while len(seen) < values["poll_limit"] and database_now() < until:
            task = _claim(workspace=workspace, ready=ready.exclude(pk__in=seen), actor=actor)
            if task is None:
                return
            seen.append(task.pk)
            result.claimed += 1
            outcome = _run(workspace=workspace, task=task, values=values, actor=actor)
            result.completed += outcome == "completed"
            result.failed += outcome == "failed"


def _ready(*, workspace: Workspace, max_attempts: int) -> QuerySet[Task]:
    now = database_now()
    rows: QuerySet[Task] = Task.objects.filter(workspace=workspace, execution_attempts__lt=max_attempts)
    # Left where they are, so that what is held does not take the places of what is not.
    held = holds_in_force(workspace=workspace)
    agents = [hold.key for hold in held if hold.scope == HoldScope.AGENT]
    campaigns = [hold.key for hold in held if hold.scope == HoldScope.CAMPAIGN]
    rows = rows.exclude(assigned_agent__in=["", *agents])
    if campaigns:
        rows = rows.exclude(campaign_id__isnull=False, campaign_id__in=campaigns)
    rows = rows.filter(Q(requires_approval=False) | Q(approved_at__isnull=False), rejected_at=None)
    # One whose process died comes round again once its lease is over; the run goes on where it stopped.
    fresh = Q(status=TaskStatus.NEW) & (Q(next_attempt_at=None) | Q(next_attempt_at__lte=now))
    return rows.filter(fresh | Q(status=TaskStatus.IN_PROGRESS, lease_until__lt=now))


def _claim(*, workspace: Workspace, ready: QuerySet[Task], actor: Actor) -> Task | None:
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        task = ready.select_for_update(skip_locked=skip).order_by("-priority", "id").first()
        if task is None:
            return None
        now = database_now()
        task.status, task.lease_until = TaskStatus.IN_PROGRESS, now + LEASE
        task.execution_attempts += 1
        task.last_execution_attempt = now
        task.save(update_fields=["status", "lease_until", "execution_attempts", "last_execution_attempt"])
        audit.record(
            action="task.started",
            actor=actor,
            workspace_id=workspace.id,
            subject=task,
            data={"attempt": task.execution_attempts},
        )
        say(task=task, actor=actor, text=f"Taken up, try {task.execution_attempts}.")
        return task


def _run(*, workspace: Workspace, task: Task, values: Mapping[str, Any], actor: Actor) -> _Outcome:
    """Run the task's agent, and put on the task what came of it."""
    try:
        run = perform_run(workspace=workspace, run_id=_run_of(workspace=workspace, task=task).pk)
    except Held as held:
        _give_back(workspace=workspace, task=task, why=held.detail, actor=actor)
        return "held"
    except CountersignError as error:
        _failed(workspace=workspace, task=task, error=error, values=values, actor=actor)
        return "failed"
    except Exception as error:
        logger.exception("Task %s broke off.", task.pk)
        broken = CountersignError(f"It broke off ({type(error).__name__}); the log has the details.")
        _failed(workspace=workspace, task=task, error=broken, values=values, actor=actor)
        return "failed"
    _complete(workspace=workspace, task=task, run=run, actor=actor)
    return "completed"


def _complete(*, workspace: Workspace, task: Task, run: AgentRun, actor: Actor) -> None:
    with transaction.atomic():
        row = _still_ours(workspace=workspace, task=task)
        if row is None:
            return
        move(task=row, to=TaskStatus.COMPLETED)
        row.lease_until, row.execution_error = None, ""
        row.plan_id = run.plan_id
        row.deliverable_url = plan_address(workspace=workspace, plan_id=run.plan_id) if run.plan_id else ""
        row.save(update_fields=["status", "lease_until", "execution_error", "plan", "deliverable_url"])
        audit.record(action="task.completed", actor=actor, workspace_id=workspace.id, subject=row)
        say(task=row, actor=actor, text=f"Completed. {run.summary} {row.deliverable_url}".strip())


def _run_of(*, workspace: Workspace, task: Task) -> AgentRun:
    """The task's run: the last one, or a new one where there is none for what the task asks for now."""
    agent = get_agent(task.assigned_agent)
    inputs = agent.inputs_from_task(title=task.title, description=task.description, metadata=task.metadata)
    wanted = agent.inputs.read(inputs).model_dump(mode="json", exclude_none=True)
    # One that is done counts too: its process ended between proposing the plan and saying so on the task.
    earlier = AgentRun.objects.filter(task=task, agent=task.assigned_agent).order_by("-id").first()
    if earlier and earlier.inputs == wanted:
        if earlier.status == RunStatus.RUNNING:
            # The task's lease was over, and its run has no other owner.
            AgentRun.objects.filter(pk=earlier.pk, tries=earlier.tries).update(lease_until=None)
        return earlier
    return create_run(
        workspace=workspace,
        actor=system_actor("poll"),
        agent=task.assigned_agent,
        inputs=inputs,
        campaign=task.campaign,
        task=task,
    )


def _still_ours(*, workspace: Workspace, task: Task) -> Task | None:
    """The task, locked, unless another process took it over when its lease was over."""
    row = locked_task(workspace=workspace, task_id=task.pk)
    mine = row.status == TaskStatus.IN_PROGRESS and row.execution_attempts == task.execution_attempts
    return row if mine else None


def _give_back(*, workspace: Workspace, task: Task, why: str, actor: Actor) -> None:
    """A hold is no failure: the try does not count."""
    with transaction.atomic():
        row = _still_ours(workspace=workspace, task=task)
        if row is None:
            return
        move(task=row, to=TaskStatus.NEW)
        row.lease_until = None
        row.execution_attempts -= 1
        row.next_attempt_at = database_now() + _LOOK_AGAIN_AFTER
        row.save(update_fields=["status", "lease_until", "execution_attempts", "next_attempt_at"])
        audit.record(action="task.given_back", actor=actor, workspace_id=workspace.id, subject=row)
        say(task=row, actor=actor, text=f"Given back: {why}")


def _give_up_orphans(*, workspace: Workspace, values: Mapping[str, Any], actor: Actor) -> None:
    """A task whose last try died with its process has no try left, and no process to say so."""
    orphans = Task.objects.filter(workspace=workspace, status=TaskStatus.IN_PROGRESS, lease_until__lt=database_now())
    for task in orphans.filter(execution_attempts__gte=values["max_attempts"]):
        run = AgentRun.objects.filter(task=task).order_by("-id").first()
        if run and run.status == RunStatus.DONE:
            _complete(workspace=workspace, task=task, run=run, actor=actor)
            continue
        died = Conflict("The process that ran it ended before it was done.")
        _failed(workspace=workspace, task=task, error=died, values=values, actor=actor)


def _failed(
    *, workspace: Workspace, task: Task, error: CountersignError, values: Mapping[str, Any], actor: Actor
) -> None:
    with transaction.atomic():
        row = _still_ours(workspace=workspace, task=task)
        if row is None:
            return
        row.execution_error, row.lease_until = error.detail, None
        last = row.execution_attempts >= values["max_attempts"]
        move(task=row, to=TaskStatus.ESCALATED if last else TaskStatus.NEW)
        if not last:
            row.next_attempt_at = database_now() + retry_delay(attempt=row.execution_attempts)
        row.save(update_fields=["status", "lease_until", "execution_error", "next_attempt_at"])
        audit.record(
            action="task.escalated" if last else "task.retry",
            actor=actor,
            workspace_id=workspace.id,
            subject=row,
            data={"code": error.code},
        )
        say(task=row, actor=actor, text=f"Failed: {error.detail}")
        if last:
            person = values["escalation_person"] or settings.ALERT_EMAIL
            _escalate(workspace=workspace, task=row, person=person, actor=actor)


def _escalate(*, workspace: Workspace, task: Task, person: str, actor: Actor) -> None:
    """An urgent task for a named person, and an alert."""
    whom = person or "whoever administers this workspace"
    follow_up = Task.objects.create(
        workspace=workspace,
        title=f"Look after: {task.title}"[:200],
        description=f"Its agent failed {task.execution_attempts} times. The last error: {task.execution_error}",
        assigned_to=person,
        priority=TaskPriority.URGENT,
        requires_approval=False,
        metadata={"escalated_task": str(task.pk)},
        campaign=task.campaign,
        created_by_id=actor.principal_id,
    )
    audit.record(action="task.created", actor=actor, workspace_id=workspace.id, subject=follow_up)
    say(task=task, actor=actor, text=f"Escalated to {whom}.")
    raise_alert(
        workspace_id=workspace.id,
        kind="task_failed",
        severity="critical",
        fingerprint=f"task:{task.pk}",
        title=f"A task failed {task.execution_attempts} times: {task.title}"[:200],
        detail=f"{task.execution_error} An urgent task was made for {whom} ({follow_up.pk}).",
    )
