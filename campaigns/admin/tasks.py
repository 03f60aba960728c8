"""Tasks: work for agents, and the permission they take."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from campaigns.agents.registry import all_agents
from campaigns.models import AgentRun, Task, TaskMessage, TaskPriority
from campaigns.services.tasks import approve_task, create_task, reject_task, update_task
from campaigns.states import BY_HAND, TaskStatus
from workspaces.admin.base import ServiceForm, ServiceModelAdmin, pill_column, time_column
from workspaces.admin.views import back_to, console_view, done, explain, here, page
from workspaces.errors import CountersignError, NotPermitted
from workspaces.permissions import Permission
from workspaces.templatetags.console import pill_element

_APPROVAL_WORDS = {
    "not_required": ("", "Not needed"),
    "pending": ("open", "Waiting"),
    "approved": ("approved", "Approved"),
    "rejected": ("rejected", "Rejected"),
}


class ApprovalFilter(admin.SimpleListFilter):
    title = "approval"
    parameter_name = "approval"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, words) for key, (_, words) in _APPROVAL_WORDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        undecided = Q(approved_at=None, rejected_at=None)
        wanted = {
            "not_required": undecided & Q(requires_approval=False),
            "pending": undecided & Q(requires_approval=True),
            "approved": Q(approved_at__isnull=False),
            "rejected": Q(rejected_at__isnull=False),
        }.get(self.value() or "")
        return queryset.filter(wanted) if wanted else queryset


class TaskForm(ServiceForm):
    """The agent by name; the priority in words."""

    assigned_agent = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelectWidget, label="Agent", help_text="Blank: a person does it."
    )
    priority = forms.ChoiceField(
        choices=[(one.label, one.label.capitalize()) for one in TaskPriority],
        initial="normal",
        widget=UnfoldAdminSelectWidget,
    )

    metadata = forms.JSONField(
        required=False,
        initial=dict,
        widget=UnfoldAdminTextareaWidget,
        help_text="What the agent is told besides, as JSON. What it needs depends on the agent.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "assigned_agent" in self.fields:
            agents = [(agent.slug, agent.label) for agent in all_agents()]
            self.fields["assigned_agent"].choices = [("", "A person"), *agents]  # type: ignore[attr-defined]
        if not self.instance._state.adding:
            self.initial["priority"] = TaskPriority(self.instance.priority).label


@admin.register(Task)
class TaskAdmin(ServiceModelAdmin):
    """A task's approval is permission to run the agent; what the agent proposes passes its own gates."""

    form = TaskForm
    change_right = add_right = Permission.PROPOSE
    list_display = ["title", "status_column", "approval_column", "agent", "priority", "execution_attempts", "made"]
    list_filter = ["status", ApprovalFilter, ("assigned_agent", admin.AllValuesFieldListFilter), "priority"]
    search_fields = ["title", "description"]
    ordering = ["-id"]
    fields = ["title", "description", ("assigned_agent", "priority"), "requires_approval", "metadata"]
    empty_words = "No tasks yet. Add one for an agent; escalations come here too."

    status_column = staticmethod(pill_column("status", "Status"))
    made = staticmethod(time_column("created_at", "Made"))

    @admin.display(description="Approval")
    def approval_column(self, obj: Task) -> str:
        return pill_element(*_APPROVAL_WORDS[obj.approval])

    @admin.display(description="For", ordering="assigned_agent")
    def agent(self, obj: Task) -> str:
        return obj.assigned_agent or (f"human:{obj.assigned_to}" if obj.assigned_to else "a person")

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("<uuid:object_id>/edit/", self.admin_site.admin_view(self.edit_view), name="task_edit"),
            path("<uuid:object_id>/decide/", decide, name="task_decide"),
            path("<uuid:object_id>/status/", set_status, name="task_status"),
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        response: HttpResponseBase = task_page(request, object_id)
        return response

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """unfold's form."""
        if not self.has_change_permission(request):
            raise PermissionDenied("Your role does not edit tasks.")
        response: HttpResponseBase = super().change_view(request, str(object_id))
        return response

    def write(self, request: HttpRequest, form: ServiceForm, obj: Any) -> Task:
        who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
        fields = form.cleaned_data
        fields["metadata"] = fields.get("metadata") or {}
        return update_task(**who, task_id=obj.pk, **fields) if obj else create_task(**who, **fields)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        self.message_user(request, f"{obj}: saved.")
        return HttpResponseRedirect(reverse("admin:campaigns_task_change", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, f"{obj}: saved.")
        return HttpResponseRedirect(reverse("admin:campaigns_task_change", args=[obj.pk]))


def _load(request: HttpRequest, object_id: Any) -> Task:
    try:
        wanted = UUID(str(object_id))
    except ValueError as error:
        raise Http404("That is no id.") from error
    rows = Task.objects.select_related("approved_by", "rejected_by", "created_by", "campaign", "plan")
    task = rows.filter(workspace=here(request).workspace, pk=wanted).first()
    if task is None:
        raise Http404("There is no such task in this workspace.")
    return task


@console_view()
def task_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """One task with its log."""
    task = _load(request, object_id)
    actor = here(request).actor
    waits = task.approval == "pending" and task.status == TaskStatus.NEW
    by_hand = sorted(BY_HAND[TaskStatus(task.status)]) if actor.may(Permission.PROPOSE) else []
    return page(
        request,
        "console/task.html",
        title=task.title,
        crumbs=[("Tasks", reverse("admin:campaigns_task_changelist"))],
        task=task,
        approval=_APPROVAL_WORDS[task.approval],
        priority=TaskPriority(task.priority).label,
        log=list(TaskMessage.objects.select_related("by").filter(workspace=task.workspace_id, task=task)[:200]),
        runs=list(AgentRun.objects.filter(workspace=task.workspace_id, task=task)[:10]),
        may_decide=waits and actor.may(Permission.DECIDE),
        may_edit=actor.may(Permission.PROPOSE) and task.status in (TaskStatus.NEW, TaskStatus.ESCALATED),
        by_hand=[(status.value, status.label) for status in by_hand],
    )


@console_view(methods=("POST",))
def decide(request: HttpRequest, object_id: UUID) -> HttpResponseBase:
    """Permit the agent to run, or refuse it. The service records who was refused the right."""
    task = _load(request, object_id)
    call = {"approve": approve_task, "reject": reject_task}.get(request.POST.get("verdict", ""))
    if call is None:
        raise Http404("Say approve or reject.")
    try:
        call(
            workspace=here(request).workspace,
            actor=here(request).actor,
            task_id=task.pk,
            reason=request.POST.get("reason", "").strip(),
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Approved: the next poll runs it." if call is approve_task else "Rejected.")
    return back_to(request, otherwise=reverse("admin:campaigns_task_change", args=[task.pk]))


@console_view(permission=Permission.PROPOSE, methods=("POST",))
def set_status(request: HttpRequest, object_id: UUID) -> HttpResponseBase:
    """What a member may set by hand."""
    task = _load(request, object_id)
    try:
        update_task(
            workspace=here(request).workspace,
            actor=here(request).actor,
            task_id=task.pk,
            status=request.POST.get("status", ""),
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, "Saved.")
    return HttpResponseRedirect(reverse("admin:campaigns_task_change", args=[task.pk]))
