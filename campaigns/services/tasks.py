"""Tasks: made, approved, and changed by hand. How the machine works through them is services/polling.py."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from campaigns import audit_actions  # noqa: F401  (registers the actions recorded here)
from campaigns.agents.registry import get_agent, slug_of
from campaigns.models import Campaign, Task, TaskMessage, TaskPriority
from campaigns.states import BY_HAND, TASK_TRANSITIONS, TaskStatus
from contacts.services.writing import line, prose
from execution.channels.checking import check_json
from workspaces import audit
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

CREATABLE = ("title", "description", "assigned_agent", "priority", "requires_approval", "metadata", "campaign")
EDITABLE = (*CREATABLE, "status", "deliverable_url")
_MOST = {"title": 200, "deliverable_url": 1_000}
_MOST_METADATA = 2_000_000
_PRIORITIES = {priority.label: priority for priority in TaskPriority}


def create_task(*, workspace: Workspace, actor: Actor, **fields: Any) -> Task:
    """Make a task from CREATABLE fields. `assigned_agent`: a slug or a name; empty for a person's task.

    Raises InvalidInput naming each field, NotPermitted.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        task = Task(workspace=workspace, created_by_id=actor.principal_id)
        _apply(task=task, fields=fields, allowed=CREATABLE)
        _check_agent_inputs(task)
        task.save(force_insert=True)
        audit.record(action="task.created", actor=actor, workspace_id=workspace.id, subject=task)
        say(task=task, actor=actor, text="Created.")
    return task


def update_task(*, workspace: Workspace, actor: Actor, task_id: UUID | str, **fields: Any) -> Task:
    """Change EDITABLE fields. What it asks of an agent may change only before it runs, and voids its approval; that it
    needs one can be taken back only by a person who may approve.

    Raises InvalidInput naming each field, Conflict, NotFound, NotPermitted.
    """
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        task = locked_task(workspace=workspace, task_id=task_id)
        status = fields.pop("status", None)
        if fields and task.status not in (TaskStatus.NEW, TaskStatus.ESCALATED):
            raise Conflict(f"This task is {task.get_status_display().lower()}; only its status can be changed.")
        work_changes = set(fields) & {"title", "description", "assigned_agent", "metadata", "requires_approval"}
        if work_changes and task.approved_at:
            task.approved_at, task.approved_by = None, None
        asked = task.requires_approval
        _apply(task=task, fields=fields, allowed=EDITABLE)
        if asked and not task.requires_approval:
            # Whoever made the task wanted a person asked; only one who may answer can take that back.
            _require_decider(actor=actor, workspace=workspace)
        _check_agent_inputs(task)
        if status is not None:
            _set_status(task=task, status=status)
        task.save()
        changed = sorted([*fields, *(["status"] if status is not None else [])])
        audit.record(
            action="task.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=task,
            data={"fields": ", ".join(changed)},
        )
        say(task=task, actor=actor, text=f"Changed: {', '.join(changed)}.")
    return task


def approve_task(*, workspace: Workspace, actor: Actor, task_id: UUID | str, reason: str = "") -> Task:
    """Permit the agent to run. Doing so twice changes nothing. Raises Conflict, NotPermitted (recorded), NotFound."""
    return _decide(workspace=workspace, actor=actor, task_id=task_id, approve=True, reason=reason)


def reject_task(*, workspace: Workspace, actor: Actor, task_id: UUID | str, reason: str = "") -> Task:
    """Refuse it; the task is cancelled. Raises as `approve_task`."""
    return _decide(workspace=workspace, actor=actor, task_id=task_id, approve=False, reason=reason)


def _decide(*, workspace: Workspace, actor: Actor, task_id: UUID | str, approve: bool, reason: str) -> Task:
    with workspace_scope(workspace):
        try:
            _require_decider(actor=actor, workspace=workspace)
        except NotPermitted as refusal:
            with transaction.atomic():
                audit.record(
                    action="task.decision_refused",
                    actor=actor,
                    workspace_id=workspace.id,
                    data={"task": str(task_id), "why": refusal.detail},
                )
            raise
        with transaction.atomic():
            task = locked_task(workspace=workspace, task_id=task_id)
            if task.approval == ("approved" if approve else "rejected"):
                return task
            if task.status != TaskStatus.NEW or task.approval != "pending":
                raise Conflict(
                    "This task needs no approval."
                    if task.approval == "not_required"
                    else f"This task is {task.approval} already."
                    if task.approval != "pending"
                    else f"This task is {task.get_status_display().lower()} and no longer waits for a decision."
                )
            now = database_now()
            task.decision_reason = reason
            if approve:
                task.approved_at, task.approved_by_id = now, actor.principal_id
            else:
                task.rejected_at, task.rejected_by_id = now, actor.principal_id
                move(task=task, to=TaskStatus.CANCELLED)
            task.save()
            audit.record(
                action="task.approved" if approve else "task.rejected",
                actor=actor,
                workspace_id=workspace.id,
                subject=task,
            )
            words = "Approved" if approve else "Rejected"
            say(task=task, actor=actor, text=f"{words}: {reason}" if reason else f"{words}.")
        return task


def _require_decider(*, actor: Actor, workspace: Workspace) -> None:
    if not actor.is_person:
        raise NotPermitted(f"{actor.label} is not a person. Only people decide.")
    actor.require(Permission.DECIDE, workspace_id=workspace.id)


def say(*, task: Task, actor: Actor, text: str) -> None:
    """Add a line to the task's log. Inside the scope."""
    TaskMessage.objects.create(
        workspace_id=task.workspace_id, task=task, at=database_now(), text=text, by_id=actor.principal_id
    )


def locked_task(*, workspace: Workspace, task_id: UUID | str) -> Task:
    """The task, locked until the transaction ends. Raises NotFound."""
    rows: QuerySet[Task] = Task.objects.select_for_update().filter(workspace=workspace, pk=task_id)
    task = rows.first()
    if task is None:
        raise NotFound("There is no such task in this workspace.")
    return task


def move(*, task: Task, to: TaskStatus) -> None:
    """Set the state of a locked task; the caller saves it and puts it on record. Raises Conflict."""
    if to not in TASK_TRANSITIONS[TaskStatus(task.status)]:
        raise Conflict(f"A task that is {task.get_status_display().lower()} cannot become {to.label.lower()}.")
    task.status = to


def _set_status(*, task: Task, status: Any) -> None:
    if status not in TaskStatus.values:
        raise InvalidInput("Unknown status.", fields={"status": f"One of {', '.join(TaskStatus.values)}."})
    wanted = TaskStatus(status)
    if wanted == task.status:
        return
    if wanted not in BY_HAND[TaskStatus(task.status)]:
        raise Conflict(f"A task that is {task.get_status_display().lower()} cannot be set to {wanted.label.lower()}.")
    move(task=task, to=wanted)
    if wanted == TaskStatus.NEW:
        task.execution_attempts, task.next_attempt_at = 0, None


def _apply(*, task: Task, fields: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    problems = dict.fromkeys(set(fields) - set(allowed), "Not a part of a task that you can set.")
    for name, value in fields.items():
        if name not in problems:
            problem = _apply_one(task=task, name=name, value=value)
            if problem:
                problems[name] = problem
    if not task.title:
        problems.setdefault("title", "Say what is to be done.")
    if problems:
        told = "; ".join(f"{name}: {text}" for name, text in list(problems.items())[:5])
        raise InvalidInput(f"The task cannot be saved like this. {told}", fields=problems)


def _apply_one(*, task: Task, name: str, value: Any) -> str:
    match name:
        case "title" | "deliverable_url" | "description":
            try:
                text = prose(value) if name == "description" else line(value, most=_MOST[name])
            except ValueError as error:
                return str(error)
            setattr(task, name, text)
        case "assigned_agent":
            if value in ("", None):
                task.assigned_agent = ""
                return ""
            try:
                task.assigned_agent = slug_of(str(value))
            except InvalidInput as error:
                return error.fields["assigned_agent"]
        case "priority":
            if not isinstance(value, str) or value not in _PRIORITIES:
                return f"One of {', '.join(_PRIORITIES)}."
            task.priority = _PRIORITIES[value]
        case "requires_approval":
            if not isinstance(value, bool):
                return "Write true or false."
            task.requires_approval = value
        case "metadata":
            try:
                check_json(value, max_bytes=_MOST_METADATA)
            except InvalidInput as error:
                return error.detail.replace("payload", "metadata").replace("The metadata", "It")
            task.metadata = dict(value)
        case "campaign":
            return _set_campaign(task=task, value=value)
    return ""


def _set_campaign(*, task: Task, value: Any) -> str:
    try:
        found = None if value is None else Campaign.objects.get(workspace=task.workspace, pk=UUID(str(value)))
    except (ValueError, Campaign.DoesNotExist):
        return "No campaign of this workspace has this id."
    task.campaign = found
    return ""


def _check_agent_inputs(task: Task) -> None:
    """Better told when the task is made than when it runs. Raises InvalidInput naming `metadata`."""
    if not task.assigned_agent:
        return
    agent = get_agent(task.assigned_agent)
    try:
        agent.inputs.read(
            agent.inputs_from_task(title=task.title, description=task.description, metadata=task.metadata)
        )
    except InvalidInput as error:
        told = "; ".join(f"{name}: {text}" for name, text in error.fields.items())
        raise InvalidInput("The agent cannot work with this.", fields={"metadata": told}) from error
