"""The page of a campaign: its goal, starting its agent, what came of it; and the page of one run."""

import csv
import io
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from campaigns.agents.registry import get_agent
from campaigns.models import AgentRun, Campaign, Draft, LlmCall
from campaigns.services.agent_runs import retry_run
from campaigns.services.campaigns import PERFORM, save_prospects, start_campaign, update_campaign
from campaigns.states import RunStatus
from execution import queue
from execution.models import ExecutionPlan
from execution.selectors import plan_progress
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, explain, here, page
from workspaces.errors import CountersignError, NotPermitted
from workspaces.permissions import Permission

_MOST_BYTES = 5 * 1024 * 1024
_MOST_TYPED = 100


class StartForm(ConsoleForm):
    """Where the agent looks for whom to write to: one of three."""

    source = forms.ChoiceField(
        choices=[
            ("file", "A CSV file"),
            ("query", "The contact book"),
            ("typed", "A list typed here"),
        ],
        initial="file",
        widget=forms.RadioSelect,
        label="Whom it may write to",
    )
    file = forms.FileField(
        required=False,
        label="CSV file",
        help_text="With a heading row; a column “email” is needed. What else it says is what the agent reads.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    query = forms.CharField(
        required=False,
        max_length=200,
        label="Words to look for",
        help_text="In name, role, organisation. Blank: everybody.",
    )
    typed = forms.CharField(
        required=False,
        label="One a line",
        widget=forms.Textarea(attrs={"rows": 5, "placeholder": "Ann Weaver, ann@example.org, energy committee"}),
        help_text="Name, email, and a note for the agent, with commas between.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        match cleaned.get("source"):
            case "file":
                file = cleaned.get("file")
                if file is None:
                    self.add_error("file", "Choose a file.")
                elif file.size > _MOST_BYTES:
                    self.add_error("file", "The file is larger than 5 MB. Split it.")
            case "typed":
                cleaned["prospects"] = self._typed(cleaned.get("typed", ""))
        return cleaned

    def _typed(self, text: str) -> list[dict[str, str]]:
        rows = []
        for number, cells in enumerate(csv.reader(io.StringIO(text), skipinitialspace=True), start=1):
            if not any(cell.strip() for cell in cells):
                continue
            name, email, note = [cell.strip() for cell in [*cells, "", "", ""][:3]]
            if "@" in name and "@" not in email:
                name, email = email, name
            if "@" not in email:
                self.add_error("typed", f"Line {number} names no email address.")
            rows.append({"name": name, "email": email, "notes": ", ".join([note, *cells[3:]]).strip(", ")})
        if not rows:
            self.add_error("typed", "Write one line at least.")
        if len(rows) > _MOST_TYPED:
            self.add_error("typed", f"{_MOST_TYPED} lines at most; use a file for more.")
        return rows


@console_view()
def campaign_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """GET shows."""
    return _show(request, _load(request, object_id), form=StartForm())


def _load(request: HttpRequest, object_id: Any) -> Campaign:
    try:
        wanted = UUID(str(object_id))
    except ValueError as error:
        raise Http404("That is no id.") from error
    rows = Campaign.objects.select_related("created_by", "prospect_list").filter(workspace=here(request).workspace)
    campaign = rows.filter(pk=wanted).first()
    if campaign is None:
        raise Http404("There is no such campaign in this workspace.")
    return campaign


def _show(request: HttpRequest, campaign: Campaign, *, form: StartForm, status: int = 200) -> HttpResponse:
    workspace, actor = here(request).workspace, here(request).actor
    runs = list(
        AgentRun.objects.select_related("started_by", "plan").filter(workspace=workspace, campaign=campaign)[:20]
    )
    plans = list(ExecutionPlan.objects.filter(workspace=workspace, campaign_id=campaign.pk).order_by("-id")[:20])
    progress = plan_progress(plans)
    busy = any(run.status in (RunStatus.QUEUED, RunStatus.RUNNING) for run in runs)
    return page(
        request,
        "console/campaign.html",
        title=campaign.name,
        status=status,
        crumbs=[("Campaigns", reverse("admin:campaigns_campaign_changelist"))],
        campaign=campaign,
        agent_name=get_agent(campaign.agent).label,
        runs=runs,
        plans=[(plan, progress[plan.pk]) for plan in plans],
        busy=busy,
        form=form,
        may_start=actor.may(Permission.PROPOSE),
    )


@console_view(permission=Permission.PROPOSE, methods=("POST",))
def start(request: HttpRequest, object_id: UUID) -> HttpResponseBase:
    """Put the agent to work. What it proposes waits at its gates."""
    campaign = _load(request, object_id)
    form = StartForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, campaign, form=form, status=400)
    who: dict[str, Any] = {"workspace": here(request).workspace, "actor": here(request).actor}
    data = form.cleaned_data
    try:
        if data["source"] == "file":
            found = save_prospects(**who, name=data["file"].name, data=data["file"].read())
            update_campaign(**who, campaign_id=campaign.pk, prospect_list=found, query="")
        elif data["source"] == "query":
            update_campaign(**who, campaign_id=campaign.pk, prospect_list=None, query=data["query"])
        prospects = data["prospects"] if data["source"] == "typed" else None
        run = start_campaign(**who, campaign_id=campaign.pk, prospects=prospects)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        form.take(error, names=dict.fromkeys(error.fields, data["source"]))
        return _show(request, campaign, form=form, status=400)
    done(request, "The agent is at work. What it proposes waits in the queue.")
    return HttpResponseRedirect(reverse("admin:run", args=[run.pk]))


def _run(request: HttpRequest, run_id: UUID) -> AgentRun:
    rows = AgentRun.objects.select_related("campaign", "task", "plan", "started_by")
    run = rows.filter(workspace=here(request).workspace, pk=run_id).first()
    if run is None:
        raise Http404("There is no such run in this workspace.")
    return run


@console_view()
def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """What the agent was told, what it chose and why, what it wrote, and what it cost."""
    run = _run(request, run_id)
    calls = list(LlmCall.objects.filter(workspace=run.workspace_id, run=run)[:100])
    return page(
        request,
        "console/run.html",
        title=f"Run of {get_agent(run.agent).label}",
        crumbs=[("Campaigns", reverse("admin:campaigns_campaign_changelist"))]
        + (
            [(run.campaign.name, reverse("admin:campaigns_campaign_change", args=[run.campaign_id]))]
            if run.campaign
            else []
        ),
        run=run,
        drafts=list(Draft.objects.select_related("contact").filter(workspace=run.workspace_id, run=run)[:200]),
        calls=calls,
        cost=sum(call.cost_micros for call in calls) / 1_000_000,
        at_work=run.status in (RunStatus.QUEUED, RunStatus.RUNNING),
        may_retry=run.status == RunStatus.FAILED and here(request).actor.may(Permission.PROPOSE),
        log=run.log[-50:],
    )


@console_view(permission=Permission.PROPOSE, methods=("POST",))
def retry(request: HttpRequest, run_id: UUID) -> HttpResponseBase:
    """Let a failed run go on where it stopped."""
    run = _run(request, run_id)
    try:
        retry_run(workspace=here(request).workspace, actor=here(request).actor, run_id=run.pk)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        queue.enqueue(PERFORM, str(run.workspace_id), str(run.pk))
        done(request, "It goes on where it stopped.")
    return HttpResponseRedirect(reverse("admin:run", args=[run.pk]))
