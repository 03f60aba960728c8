"""Making and changing a workspace."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.signals import workspace_created

audit.register(
    {
        "workspace.created": "{actor} created the workspace",
        "workspace.changed": "{actor} changed {fields} of the workspace",
    }
)

EDITABLE = ("name", "time_zone", "retention_days", "postal_address")


def create_workspace(
    *, slug: str, name: str, actor: Actor, time_zone: str = "UTC", mode: str = "dry_run", postal_address: str = ""
) -> Workspace:
    """Make a tenant with its default gates, policies and limits (receivers of `workspace_created` add them).

    For operators and the system. Raises InvalidInput naming the field.
    """
    if actor.is_person:
        actor.require_operator()
    workspace = Workspace(slug=slug, name=name, time_zone=time_zone, mode=mode, postal_address=postal_address)
    _validate(workspace)
    with transaction.atomic():
        workspace.save(force_insert=True)
        audit.record(action="workspace.created", actor=actor, workspace_id=workspace.id, subject=workspace)
        # Sent inside the transaction: a workspace without its gates and policies must never be seen.
        workspace_created.send(sender=Workspace, workspace=workspace, actor=actor)
    return workspace


def update_workspace(*, workspace: Workspace, actor: Actor, **changes: Any) -> Workspace:
    """Change name, time_zone, retention_days or postal_address. Raises InvalidInput naming the field."""
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    unknown = set(changes) - set(EDITABLE)
    if unknown:
        raise InvalidInput("Not all of that can be changed.", fields=dict.fromkeys(unknown, "Cannot be changed."))
    fresh = Workspace.objects.get(pk=workspace.pk)
    for field, value in changes.items():
        setattr(fresh, field, value)
    _validate(fresh)
    with transaction.atomic(), guard_change(workspace=workspace):
        fresh.save(update_fields=list(changes))
        audit.record(
            action="workspace.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=workspace,
            data={"fields": ", ".join(sorted(changes))},
        )
    fresh.refresh_from_db()
    return fresh


def _validate(workspace: Workspace) -> None:
    try:
        workspace.full_clean()
    except ValidationError as error:
        fields = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        raise InvalidInput("The workspace cannot be saved like this.", fields=fields) from error
