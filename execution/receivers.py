"""What this app does on news from below."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from contacts.signals import address_suppressed, contact_erased
from execution import queue
from execution.services.cancelling import cancel_unsent_to
from execution.services.erasing import erase_traces
from execution.services.gates import create_default_gates
from execution.services.holds import tell_of_pause
from execution.services.limits import create_default_limits
from execution.services.policies import publish_defaults
from execution.states import NO_OPERATOR
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.signals import member_seen, setting_changed, workspace_created


@receiver(workspace_created, dispatch_uid="execution.defaults")
def give_defaults(*, workspace: Workspace, actor: Actor, **kwargs: Any) -> None:
    """Gates, policies and limits, in the transaction that makes the workspace."""
    create_default_gates(workspace=workspace)
    create_default_limits(workspace=workspace)
    publish_defaults(workspace=workspace, actor=actor)


@receiver(setting_changed, dispatch_uid="execution.wake")
def look_again(*, workspace_id: UUID | None, **kwargs: Any) -> None:
    """What waited for a switch or a mode is looked at now."""
    queue.wake_held(workspace_id=workspace_id)


@receiver(setting_changed, dispatch_uid="execution.paused")
def tell_of_it(*, workspace_id: UUID | None, key: str, **kwargs: Any) -> None:
    """The setting that holds everything is told of like any other hold."""
    if key == "global_pause":
        tell_of_pause(workspace_id=workspace_id)


@receiver(member_seen, dispatch_uid="execution.somebody_is_here")
def somebody_is_here(*, workspace_id: UUID, **kwargs: Any) -> None:
    """What waited for somebody who may decide is looked at now; the guard says whether it was one."""
    queue.wake_waiting(workspace_id=workspace_id, reason=NO_OPERATOR)


@receiver(address_suppressed, dispatch_uid="execution.suppressed")
def withdraw_unsent(*, workspace_id: UUID, kind: str, contact_ids: list[UUID], **kwargs: Any) -> None:
    """What is unsent to somebody who must not be written to is withdrawn; the claim's guard does not wait for this."""
    cancel_unsent_to(workspace_id=workspace_id, kind=kind, contact_ids=contact_ids)


@receiver(contact_erased, dispatch_uid="execution.erased")
def erase(*, workspace_id: UUID, contact_id: UUID, **kwargs: Any) -> None:
    """No copy of an erased person's words or address stays; the sweep does the same for what this misses."""
    erase_traces(workspace=Workspace.objects.get(pk=workspace_id), contact_ids=[contact_id])
