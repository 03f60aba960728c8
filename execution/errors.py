"""What this app refuses, beyond workspaces.errors."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from execution.states import Status
from workspaces.errors import Conflict


class InvalidTransition(Conflict):
    """The request is not in a state from which this is possible."""

    code = "invalid_transition"
    title = "Not possible in this state"

    def __init__(self, *, ids: Iterable[UUID], to: Status, now: str = "") -> None:
        count = len(list(ids))
        what = "This request is" if count == 1 else f"{count} requests are"
        state = f" {Status(now).label.lower()} and" if now else ""
        super().__init__(f"{what}{state} no longer in a state that can become “{to.label}”. Reload and look again.")


class StaleApproval(Conflict):
    """The digest shown to the decider is not the current one; `diff` tells what changed in between."""

    code = "stale_digest"
    title = "It changed since you saw it"

    def __init__(self, *, current_digest: str, diff: list[dict[str, Any]], what: str = "request") -> None:
        super().__init__(
            f"This {what} changed after you opened it. Look at what changed, then decide again.",
            current_digest=current_digest,
            diff=diff,
        )


class ForgetfulDatabase(Conflict):
    """The database is set to lose commits when the power fails; nothing is sent on its word."""

    code = "forgetful_database"
    title = "The database may forget commits"


class SealBroken(Conflict):
    """What is stored no longer has the digest it was frozen under: somebody changed it behind Countersign."""

    code = "seal_broken"
    title = "Changed behind Countersign"
