"""What every console page shows around its content: who, where, which mode, what is held, where else to go."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from config.console.navigation import Group, navigation
from execution.admin.numbers import Numbers, numbers_of
from execution.models import Hold
from execution.services.notifications import unread_count
from workspaces.actors import Actor
from workspaces.models import Membership, Mode, Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope
from workspaces.settings_store import effective_settings

THEME_COOKIE = "countersign_theme"
THEMES = ("light", "dark")

MODE_MEANS = {
    Mode.DRY_RUN: "Nothing leaves: what is approved is recorded and goes through every step but the last.",
    Mode.DRAFT_ONLY: "Drafts are made at the provider where it can; nothing is sent or shown to others.",
    Mode.LIVE: "What is approved is carried out for real.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The frame of a page."""

    workspace: Workspace
    workspaces: Sequence[Workspace]
    actor: Actor
    mode: Mode
    mode_means: str
    mode_forced: bool
    paused: bool
    runs_by_itself: bool
    numbers: Numbers
    unread: int
    navigation: Sequence[Group]
    theme: str

    @property
    def holds(self) -> Sequence[Hold]:
        """The holds in force that touch this workspace, the widest first."""
        return self.numbers.holds

    @property
    def may_hold(self) -> bool:
        return self.actor.may(Permission.HOLD)

    @property
    def may_release(self) -> bool:
        return self.actor.may(Permission.RELEASE)


def theme_of(request: HttpRequest) -> str:
    """`light`, `dark`, or empty for whatever the reader's system says."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def shell_of(request: HttpRequest) -> Shell | None:
    """The frame for this request; None outside a workspace. Kept on the request: a page asks more than once."""
    kept: Shell | None = getattr(request, "_console_shell", None)
    if kept is not None:
        return kept
    workspace: Workspace | None = getattr(request, "workspace", None)
    actor: Actor | None = getattr(request, "actor", None)
    if workspace is None or actor is None:
        return None
    force = effective_settings(workspace=workspace, keys=["mode", "execution_enabled", "global_pause"])
    with workspace_scope(workspace):
        numbers = numbers_of(workspace=workspace)
        unread = unread_count(workspace=workspace, actor=actor)
    memberships = (
        Membership.objects.select_related("workspace")
        .filter(principal_id=actor.principal_id, is_active=True)
        .order_by("workspace__name")
    )
    mode = Mode(force["mode"])
    shell = Shell(
        workspace=workspace,
        workspaces=[membership.workspace for membership in memberships],
        actor=actor,
        mode=mode,
        mode_means=MODE_MEANS[mode],
        mode_forced=mode != workspace.mode,
        paused=bool(force["global_pause"]),
        runs_by_itself=bool(settings.ENABLE_AUTO_EXECUTION and force["execution_enabled"]),
        numbers=numbers,
        unread=unread,
        navigation=navigation(request=request, actor=actor, numbers=numbers.as_dict()),
        theme=theme_of(request),
    )
    request._console_shell = shell  # type: ignore[attr-defined]
    return shell
