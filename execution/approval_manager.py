"""Deciding from Python, with who decided written as people see it: `human:rosa`. The campaigns may not import this."""

from functools import cache
from uuid import UUID

from execution.models import ExecutionRequest
from execution.services import decisions
from workspaces.actors import Actor, resolve_actor, system_actor
from workspaces.errors import NotFound, NotPermitted
from workspaces.models import Workspace
from workspaces.scope import all_workspaces


class ApprovalManager:
    """Finds the request's workspace and the person's place in it, then decides as the console and the API do."""

    def approve(
        self,
        *,
        execution_id: UUID | str,
        approved_by: str,
        digest: str | None = None,
        reason: str = "",
        gate: str | None = None,
    ) -> ExecutionRequest:
        """Approve. Without `digest` it binds to the present one and records that nobody's screen was compared.

        Raises as `execution.services.decisions.approve`.
        """
        workspace, actor = self._who(execution_id=execution_id, label=approved_by)
        return decisions.approve(
            workspace=workspace, actor=actor, request_id=execution_id, digest=digest, reason=reason, gate=gate
        )

    def reject(self, *, execution_id: UUID | str, rejected_by: str, reason: str = "") -> ExecutionRequest:
        """Reject for good."""
        workspace, actor = self._who(execution_id=execution_id, label=rejected_by)
        return decisions.reject(workspace=workspace, actor=actor, request_id=execution_id, reason=reason)

    def request_changes(self, *, execution_id: UUID | str, requested_by: str, reason: str) -> ExecutionRequest:
        """Send it back to its author."""
        workspace, actor = self._who(execution_id=execution_id, label=requested_by)
        return decisions.request_changes(workspace=workspace, actor=actor, request_id=execution_id, reason=reason)

    def _who(self, *, execution_id: UUID | str, label: str) -> tuple[Workspace, Actor]:
        with all_workspaces("only the id is given: the request says which workspace"):
            request = ExecutionRequest.objects.select_related("workspace").filter(pk=execution_id).first()
        if request is None:
            raise NotFound("There is no such request.")
        try:
            return request.workspace, resolve_actor(label=label, workspace=request.workspace, via="python")
        except NotPermitted as refusal:
            decisions.record_refusal(
                workspace=request.workspace,
                actor=system_actor("python", via="python"),
                ids=[request.id],
                why=refusal.detail,
            )
            raise


@cache
def get_approval_manager() -> ApprovalManager:
    """The one manager of this process; it keeps no state."""
    return ApprovalManager()
