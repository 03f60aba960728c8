"""Tasks: listed, made, changed, approved, and their log."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors
from campaigns.api.bodies import TaskBody, TaskPatchBody, TasksQuery
from campaigns.api.shapes import ApprovalShape, MessageShape, TaskShape
from campaigns.models import Task, TaskPriority
from campaigns.services import tasks as services
from workspaces.api.bodies import ReasonBody
from workspaces.api.views import CURSOR, LIMIT, PatchView, WorkspaceView, page_of, problems


class _TaskView(WorkspaceView):
    def detail(self, task_id: UUID) -> Any:
        return self.shown(TaskShape, selectors.task_named(workspace=self.workspace, task_id=task_id))


class TasksView(_TaskView):
    @extend_schema(
        operation_id="list_tasks",
        parameters=[TasksQuery, LIMIT, CURSOR],
        responses={200: page_of(TaskShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Tasks, newest first."""
        wanted = self.query(TasksQuery)
        rows = selectors.tasks(workspace=self.workspace, q=wanted.pop("q", ""))
        if "status" in wanted:
            wanted["status__in"] = wanted.pop("status")
        if "priority" in wanted:
            wanted["priority"] = {each.label: each for each in TaskPriority}[wanted["priority"]]
        return self.page(rows.filter(**wanted), TaskShape)

    @extend_schema(operation_id="create_task", request=TaskBody, responses={201: TaskShape, **problems()})
    def post(self, request: Request) -> Response:
        """Make a task for an agent, or for a person."""
        made = services.create_task(workspace=self.workspace, actor=self.actor, **self.body(TaskBody))
        return self.made(self.detail(made.pk), at=made.pk)


class TaskView(_TaskView, PatchView):
    @extend_schema(operation_id="read_task", responses={200: TaskShape, **problems(404)})
    def get(self, request: Request, task_id: UUID) -> Response:
        """One task."""
        return Response(self.detail(task_id))

    @extend_schema(operation_id="change_task", request=TaskPatchBody, responses={200: TaskShape, **problems(404, 409)})
    def patch(self, request: Request, task_id: UUID) -> Response:
        """Change it. What it asks of an agent may change only before it runs, and voids its approval."""
        changes = self.body(TaskPatchBody, partial=True)
        services.update_task(workspace=self.workspace, actor=self.actor, task_id=task_id, **changes)
        return Response(self.detail(task_id))


class _ApprovalView(_TaskView):
    def approval(self, task_id: UUID) -> Response:
        task = selectors.task_named(workspace=self.workspace, task_id=task_id)
        return Response(self.shown(ApprovalShape, _approval(task)))


class ApproveTaskView(_ApprovalView):
    @extend_schema(operation_id="task_approval", responses={200: ApprovalShape, **problems(404)})
    def get(self, request: Request, task_id: UUID) -> Response:
        """Where its approval stands."""
        return self.approval(task_id)

    @extend_schema(operation_id="approve_task", request=ReasonBody, responses={200: TaskShape, **problems(404, 409)})
    def post(self, request: Request, task_id: UUID) -> Response:
        """Permit the agent to run. What it proposes passes its own gates."""
        services.approve_task(workspace=self.workspace, actor=self.actor, task_id=task_id, **self.body(ReasonBody))
        return Response(self.detail(task_id))


class RejectTaskView(_ApprovalView):
    @extend_schema(operation_id="task_rejection", responses={200: ApprovalShape, **problems(404)})
    def get(self, request: Request, task_id: UUID) -> Response:
        """Where its approval stands."""
        return self.approval(task_id)

    @extend_schema(operation_id="reject_task", request=ReasonBody, responses={200: TaskShape, **problems(404, 409)})
    def post(self, request: Request, task_id: UUID) -> Response:
        """Refuse it; the task is cancelled."""
        services.reject_task(workspace=self.workspace, actor=self.actor, task_id=task_id, **self.body(ReasonBody))
        return Response(self.detail(task_id))


class MessagesView(WorkspaceView):
    @extend_schema(
        operation_id="list_task_messages",
        parameters=[LIMIT, CURSOR],
        responses={200: page_of(MessageShape), **problems(404)},
    )
    def get(self, request: Request, task_id: UUID) -> Response:
        """The task's log, oldest first."""
        self.query()
        task = selectors.task_named(workspace=self.workspace, task_id=task_id)
        return self.page(selectors.messages_of(task=task), MessageShape, order=("id",))


def _approval(task: Task) -> dict[str, Any]:
    decided = {"approved": (task.approved_by, task.approved_at), "rejected": (task.rejected_by, task.rejected_at)}
    by, at = decided.get(task.approval, (None, None))
    return {"approval": task.approval, "by": by, "at": at, "reason": task.decision_reason if at else ""}
