"""The workspace's settings: what is in force, where it comes from, and changing it."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings as environment
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, here, page
from workspaces.errors import CountersignError, NotPermitted
from workspaces.models import Mode, Workspace
from workspaces.permissions import Permission
from workspaces.services import update_workspace
from workspaces.settings_store import KEYS, UNDO_PREFIX, effective_settings, key_named, set_setting, stored_settings

TITLES = {
    "mode": "Mode",
    "execution_enabled": "Carry out by itself",
    "global_pause": "Pause everything",
    "poll_limit": "Tasks a poll",
    "max_attempts": "Tries before a person is asked",
    "escalation_person": "Escalations go to",
    "sole_operator": "One person runs this workspace",
}
_SWITCHES = ("execution_enabled", "global_pause", "sole_operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One setting as the page shows it."""

    key: str
    title: str
    meaning: str
    in_force: Any
    own: Any
    installation: Any
    control: str
    choices: tuple[tuple[str, str], ...]
    note: str


class WorkspaceForm(ConsoleForm):
    """The workspace itself."""

    name = forms.CharField(max_length=120)
    time_zone = forms.CharField(max_length=64, help_text="Of the console's times and reports, such as Europe/Paris.")
    postal_address = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Stands under every commercial mail; the law of many countries asks for it.",
    )


@console_view(methods=("GET", "HEAD", "POST"))
def settings_page(request: HttpRequest) -> HttpResponseBase:
    """GET shows; POST changes one setting, or the workspace itself."""
    workspace, actor = here(request).workspace, here(request).actor
    fields = ("name", "time_zone", "postal_address")
    form = WorkspaceForm(initial={field: getattr(workspace, field) for field in fields})
    wrong: dict[str, str] = {}
    if request.method == "POST":
        if not actor.may(Permission.MANAGE):
            raise PermissionDenied("Only administrators of this workspace change its settings.")
        if request.POST.get("part") == "workspace":
            form = WorkspaceForm(request.POST)
            if form.is_valid() and _save_workspace(request, form):
                return HttpResponseRedirect(reverse("admin:settings"))
        else:
            wrong = _save_setting(request)
            if not wrong:
                return HttpResponseRedirect(reverse("admin:settings"))
    return page(
        request,
        "console/settings.html",
        title="Settings",
        status=400 if wrong or form.errors else 200,
        form=form,
        lines=[line for line in _lines(workspace) if not line.key.startswith(UNDO_PREFIX)],
        undo_lines=[line for line in _lines(workspace) if line.key.startswith(UNDO_PREFIX)],
        wrong=wrong,
        may_manage=actor.may(Permission.MANAGE),
        environment=[
            ("Carrying out by itself", environment.ENABLE_AUTO_EXECUTION, "ENABLE_AUTO_EXECUTION"),
            ("Everything is a dry run", environment.AGENT_DRY_RUN, "AGENT_DRY_RUN"),
        ],
    )


def _save_workspace(request: HttpRequest, form: WorkspaceForm) -> bool:
    try:
        update_workspace(workspace=here(request).workspace, actor=here(request).actor, **form.cleaned_data)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        form.take(error)
        return False
    done(request, "Saved.")
    return True


def _save_setting(request: HttpRequest) -> dict[str, str]:
    """Change one; what is wrong with it, by key, where it cannot be."""
    key, value = request.POST.get("key", ""), request.POST.get("value", "")
    if request.POST.get("channel"):
        key = UNDO_PREFIX + request.POST["channel"]
    try:
        key_named(key)
        set_setting(key=key, value=value, workspace=here(request).workspace, actor=here(request).actor)
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except CountersignError as error:
        return {key: error.fields.get("value", error.detail)}
    done(request, f"{TITLES.get(key, key)}: saved.")
    return {}


def _lines(workspace: Workspace) -> list[Line]:
    in_force = effective_settings(workspace=workspace)
    stored = stored_settings(workspace=workspace)
    lines = []
    for key, value in in_force.items():
        values = stored.get(key, {})
        own = workspace.mode if key == "mode" else values.get("workspace")
        note = ""
        if key == "mode" and value != own:
            note = "The environment or the installation is stricter, and the stricter counts."
        if key == "execution_enabled" and value and not environment.ENABLE_AUTO_EXECUTION:
            note = "Off in the environment (ENABLE_AUTO_EXECUTION): what is approved waits until somebody runs it."
        lines.append(
            Line(
                key=key,
                title=TITLES.get(key, key.removeprefix(UNDO_PREFIX)),
                meaning=KEYS[key].meaning if key in KEYS else key_named(key).meaning,
                in_force=value,
                own=own,
                installation=values.get("installation"),
                control="switch" if key in _SWITCHES else ("choice" if key == "mode" else "text"),
                choices=tuple(Mode.choices) if key == "mode" else (),
                note=note,
            )
        )
    order = list(TITLES)
    return sorted(lines, key=lambda line: (order.index(line.key) if line.key in order else 99, line.key))
