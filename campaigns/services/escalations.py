"""Failures go to a person: one urgent task for each request that failed for good, however often the news comes."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from campaigns import audit_actions  # noqa: F401  (registers the actions recorded here)
from campaigns.models import Task, TaskPriority
from campaigns.services.tasks import say
from campaigns.states import TaskStatus
from execution.models import Attempt, ExecutionRequest
from execution.states import Status
from workspaces import audit
from workspaces.actors import Actor, system_actor
from workspaces.clock import database_now
from workspaces.models import Workspace
from workspaces.scope import workspace_scope
from workspaces.settings_store import get_setting

_LOOKED_BACK = timedelta(days=7)
_PAGE = 500
_DONE = (TaskStatus.COMPLETED, TaskStatus.CANCELLED, TaskStatus.FAILED)


def escalate_failures(*, workspace: Workspace, request_ids: Collection[UUID] | None = None) -> int:
    """See that each failed request has its task; returns how many were made.

    request_ids: None looks at everything that failed within the last 7 days, for news that was lost.
    A request that a person retried and that failed again gets a line on its task while that one is open, else another.
    """
    made = 0
    with workspace_scope(workspace):
        for page in _failed(workspace=workspace, request_ids=request_ids):
            numbers: dict[UUID, int] = defaultdict(int)
            ids = [request.pk for request in page]
            rows = Attempt.objects.filter(request_id__in=ids).order_by().values_list("request_id")
            numbers.update(rows.annotate(number=Max("number")))
            keys = {request.pk: f"failed:{request.pk}:{numbers[request.pk]}" for request in page}
            known = set(Task.objects.filter(about__in=keys.values()).values_list("about", flat=True))
            left = [request for request in page if keys[request.pk] not in known]
            if left:
                made += _escalate(workspace=workspace, requests=left, keys=keys)
    return made


def failed_lately() -> "QuerySet[ExecutionRequest]":
    """What failed within the time that is looked back."""
    return ExecutionRequest.objects.filter(status=Status.FAILED, settled_at__gte=database_now() - _LOOKED_BACK)


def _failed(*, workspace: Workspace, request_ids: Collection[UUID] | None) -> Iterator[Sequence[ExecutionRequest]]:
    rows = failed_lately() if request_ids is None else ExecutionRequest.objects.filter(status=Status.FAILED)
    rows = rows.filter(workspace=workspace).only("pk", "channel", "plan").order_by("id")
    if request_ids is not None:
        yield list(rows.filter(pk__in=request_ids))
        return
    page = list(rows[:_PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1].pk)[:_PAGE])


def _escalate(*, workspace: Workspace, requests: Sequence[ExecutionRequest], keys: dict[UUID, str]) -> int:
    actor = system_actor("escalation")
    person = get_setting(key="escalation_person", workspace=workspace) or settings.ALERT_EMAIL
    made = 0
    for request in requests:
        try:
            with transaction.atomic():
                if not _failed_again(request=request, key=keys[request.pk], actor=actor):
                    _make(workspace=workspace, request=request, key=keys[request.pk], person=person, actor=actor)
                    made += 1
        except IntegrityError:
            continue  # another process made it at this moment
    return made


def _failed_again(*, request: ExecutionRequest, key: str, actor: Actor) -> bool:
    """Put it on the open task that an earlier failure of the request made, if there is one."""
    task: Any = (
        Task.objects.select_for_update()
        .filter(workspace_id=request.workspace_id, about__startswith=f"failed:{request.pk}:")
        .exclude(status__in=_DONE)
        .first()
    )
    if task is None:
        return False
    task.about = key
    task.save(update_fields=["about"])
    audit.record(action="task.failed_again", actor=actor, workspace_id=request.workspace_id, subject=task)
    say(task=task, actor=actor, text="It was tried again and failed again.")
    return True


def _make(*, workspace: Workspace, request: ExecutionRequest, key: str, person: str, actor: Actor) -> None:
    """The task names nobody: who it was for and what the service said stand on the request, and go when erased."""
    address = f"{settings.PUBLIC_URL}/w/{workspace.slug}/admin/execution/executionrequest/{request.pk}/change/"
    task = Task.objects.create(
        workspace=workspace,
        title=f"Look after a failed request ({request.channel})",
        description=f"It failed for good. What happened, and retrying it by hand: {address}",
        assigned_to=person,
        priority=TaskPriority.URGENT,
        requires_approval=False,
        metadata={"failed_request": str(request.pk)},
        about=key,
        created_by_id=actor.principal_id,
    )
    audit.record(action="task.created", actor=actor, workspace_id=workspace.id, subject=task)
    say(task=task, actor=actor, text=f"Escalated to {person or 'whoever administers this workspace'}.")
