"""The kill switch: setting and releasing holds, by POST, with a reason."""

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from execution.channels import registry
from execution.models import ExecutionPlan, ExecutionRequest, HoldScope, ProviderAccount
from execution.services.holds import release_hold, set_hold
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import back_to, console_view, done, explain, here, page
from workspaces.errors import CountersignError, InvalidInput, NotPermitted
from workspaces.permissions import Permission


class HoldForm(ConsoleForm):
    """What to hold, and why."""

    scope = forms.ChoiceField(label="What", help_text="The narrower, the less else stands still.")
    reason = forms.CharField(max_length=300, label="Why", help_text="Everyone who waits will read it.")


@console_view(permission=Permission.HOLD, methods=("GET", "HEAD", "POST"))
def set_page(request: HttpRequest) -> HttpResponseBase:
    """The form for any hold; the kill switch of the top bar posts here too."""
    workspace, actor = here(request).workspace, here(request).actor
    data = request.POST.copy() if request.method == "POST" else None
    if data is not None and data.get("scope") == "workspace":
        data["scope"] = f"workspace:{workspace.slug}"
    form = HoldForm(data)
    form.fields["scope"].choices = _scopes(request)  # type: ignore[attr-defined]
    if data is not None and form.is_valid():
        try:
            hold = set_hold(
                scope=form.cleaned_data["scope"], reason=form.cleaned_data["reason"], actor=actor, workspace=workspace
            )
        except NotPermitted as error:
            raise PermissionDenied(error.detail) from error
        except InvalidInput as error:
            form.take(error)
        else:
            done(request, f"On hold: {hold.address}. No call in it begins from now on.")
            return back_to(request, otherwise=reverse("admin:index"))
    return page(
        request,
        "console/hold.html",
        title="Set a hold",
        status=400 if form.errors else 200,
        crumbs=[("Holds", reverse("admin:execution_hold_changelist"))],
        form=form,
    )


@console_view(methods=("POST",))
def release(request: HttpRequest) -> HttpResponseBase:
    """Let go. The service asks for a person with the right."""
    scope = request.POST.get("scope", "")
    try:
        hold = release_hold(
            scope=scope,
            reason=request.POST.get("reason", "").strip(),
            actor=here(request).actor,
            workspace=here(request).workspace,
        )
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        explain(request, error)
    else:
        done(request, f"Released: {hold.address}. What waited for it is looked at now.")
    return back_to(request, otherwise=reverse("admin:index"))


def _scopes(request: HttpRequest) -> list[tuple[str, object]]:
    """What can be held here, in groups."""
    workspace, actor = here(request).workspace, here(request).actor
    whole: list[tuple[str, str]] = [(f"workspace:{workspace.slug}", f"This workspace ({workspace.name})")]
    if actor.is_operator:
        whole.insert(0, ("global", "Everything, in every workspace"))
    accounts = ProviderAccount.objects.filter(workspace=workspace).values_list("id", "name")
    named = ExecutionRequest.objects.filter(workspace=workspace)
    agents = named.exclude(agent="").order_by().values_list("agent", flat=True).distinct()[:100]
    campaigns = named.exclude(campaign_id=None).order_by().values_list("campaign_id", "campaign_label").distinct()[:200]
    plans = ExecutionPlan.objects.filter(workspace=workspace).order_by("-id").values_list("id", "title")[:100]
    groups: list[tuple[str, object]] = [
        ("All", whole),
        (HoldScope.CHANNEL.label, [(f"channel:{name}", registry.get(name).label) for name in registry.names()]),
        (HoldScope.AGENT.label, [(f"agent:{name}", name) for name in sorted(agents)]),
        (HoldScope.CAMPAIGN.label, [(f"campaign:{key}", label or str(key)) for key, label in campaigns]),
        (HoldScope.PLAN.label, [(f"plan:{key}", title) for key, title in plans]),
        (HoldScope.ACCOUNT.label, [(f"account:{key}", name) for key, name in accounts]),
    ]
    return [(title, choices) for title, choices in groups if choices]
