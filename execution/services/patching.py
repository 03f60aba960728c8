"""Editing a request by a patch: what the patch leaves out stays as it was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from execution.errors import StaleApproval
from execution.models import ExecutionRequest, Revision
from execution.services.diff import revision_diff
from execution.services.editing import edit_request, lock_request
from execution.types import UNSET, Unset
from workspaces.actors import Actor
from workspaces.errors import InvalidInput
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def patch_request(
    *,
    workspace: Workspace,
    actor: Actor,
    request_id: UUID | str,
    payload: Mapping[str, Any] | Unset = UNSET,
    scheduled_for: datetime | Unset | None = UNSET,
    expires_at: datetime | Unset | None = UNSET,
    note: str = "",
    digest: str | None = None,
) -> ExecutionRequest:
    """Change parts of the payload (as a JSON Merge Patch, RFC 7396) or the window.

    digest: of the revision that was looked at; another one in force raises StaleApproval, so that nobody's edit is
    overwritten unseen. Raises InvalidInput where nothing would change, and what edit_request raises.
    """
    if all(isinstance(value, Unset) for value in (payload, scheduled_for, expires_at)):
        raise InvalidInput("Say what is to change.", fields={"payload": "payload, scheduled_for or expires_at."})
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        request = lock_request(workspace=workspace, request_id=request_id)
        if digest is not None and digest != request.digest:
            before = Revision.objects.filter(request=request, digest=digest).first()
            changes = revision_diff(before=before, after=request.current) if before and request.current else []
            raise StaleApproval(current_digest=request.digest, diff=changes)
        merged = payload if isinstance(payload, Unset) else merge_patch(request.payload, payload)
        return edit_request(
            workspace=workspace,
            actor=actor,
            request_id=request.pk,
            payload=merged,
            scheduled_for=scheduled_for,
            expires_at=expires_at,
            note=note,
        )


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` with `patch` applied as RFC 7396, section 2, says."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
