"""Whether something that is no request is on hold."""

from uuid import UUID

from execution.models import Hold, HoldScope
from execution.selectors.status import holds_in_force
from workspaces.models import Workspace
from workspaces.settings_store import get_setting


def hold_on(*, workspace: Workspace, agent: str = "", campaign_id: UUID | None = None) -> Hold | None:
    """The hold that stops an agent's work here, or None: over everything, the workspace, the agent or the campaign."""
    if get_setting(key="global_pause", workspace=workspace):
        return Hold(scope=HoldScope.GLOBAL, reason="the setting global_pause is on.")
    keys = {HoldScope.AGENT: agent, HoldScope.CAMPAIGN: str(campaign_id) if campaign_id else ""}
    for hold in holds_in_force(workspace=workspace):
        if hold.scope in (HoldScope.GLOBAL, HoldScope.WORKSPACE):
            return hold
        if keys.get(HoldScope(hold.scope)) == hold.key != "":
            return hold
    return None
