"""The hours in which a workspace's channels may reach people."""

from datetime import time

from django.db import transaction

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.channels import registry
from execution.models import SendWindow
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput, NotFound
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def set_window(
    *, workspace: Workspace, actor: Actor, channel: str, weekdays: str | None = None, opens: time | None = None,
    closes: time | None = None,
) -> SendWindow:  # fmt: skip
    """Set the window of a channel, or make it. What waited is looked at again.

    weekdays: digits, Monday is 0. opens, closes: the recipient's local time; closes 00:00 is midnight. What is None
    stays, and a new one has 08:00 to 21:00 on every day. SMS and voice keep to the law's hours besides.
    Raises InvalidInput naming the field, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        rows = SendWindow.objects.select_for_update().filter(workspace=workspace, channel=channel)
        window = rows.first() or SendWindow(workspace=workspace, channel=channel)
        given = {"weekdays": weekdays, "opens": opens, "closes": closes}
        for field, value in given.items():
            if value is not None:
                setattr(window, field, value)
        window.weekdays = "".join(sorted(set(window.weekdays)))
        problems = _problems(window)
        if problems:
            raise InvalidInput("The window cannot be saved like this.", fields=problems)
        window.save()
        audit.record(
            action="window.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=window,
            data={"channel": channel, "now": f"{window.opens:%H:%M} to {window.closes:%H:%M}", "days": window.weekdays},
        )
        queue.wake_held(workspace_id=workspace.id)
    return window


def delete_window(*, workspace: Workspace, actor: Actor, channel: str) -> None:
    """Let a channel reach people at any time again (SMS and voice: at any lawful time).

    Raises NotFound, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        window = SendWindow.objects.filter(workspace=workspace, channel=channel).first()
        if window is None:
            raise NotFound(f"There is no window for {channel}.")
        audit.record(
            action="window.deleted", actor=actor, workspace_id=workspace.id, subject=window, data={"channel": channel}
        )
        window.delete()
        queue.wake_held(workspace_id=workspace.id)


def _problems(window: SendWindow) -> dict[str, str]:
    problems: dict[str, str] = {}
    if window.channel not in registry.names():
        problems["channel"] = f"One of {', '.join(registry.names())}."
    if not window.weekdays or set(window.weekdays) - set("0123456"):
        problems["weekdays"] = "Digits from 0 (Monday) to 6 (Sunday), at least one, such as 01234."
    if window.closes != time() and window.opens >= window.closes:
        problems["closes"] = "Later than it opens, or 00:00 for midnight. A window does not go on past midnight."
    return problems
