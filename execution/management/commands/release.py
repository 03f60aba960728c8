from typing import Any

from execution.management.holding import HoldingCommand
from execution.models import Hold, HoldScope
from execution.services.holds import release_hold
from execution.services.restoring import resume_after_restore
from workspaces.installation import is_restored


def _release(*, scope: str, reason: str, actor: Any, workspace: Any) -> Hold:
    if scope == HoldScope.GLOBAL and is_restored():
        return resume_after_restore(actor=actor, reason=reason) or Hold(scope=HoldScope.GLOBAL)
    return release_hold(scope=scope, reason=reason, actor=actor, workspace=workspace)


class Command(HoldingCommand):
    help = "Release a hold. Only a person can: name one with --as. After a restore, --scope global resumes."
    act = staticmethod(_release)
    done = "Released"
