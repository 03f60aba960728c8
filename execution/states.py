"""The states of a request, and the one table of moves between them."""

from django.db.models import TextChoices


class Status(TextChoices):
    """Where a request stands. docs/states.md draws the table below; a test holds the two together."""

    PROPOSED = "proposed", "Proposed"  # frozen and about to meet the policies
    PENDING = "pending", "Waiting for a decision"
    NEEDS_CHANGES = "needs_changes", "Changes asked for"  # a person sent it back to its author
    APPROVED = "approved", "Approved"  # may be carried out; wait_reason says why not yet
    DISPATCHING = "dispatching", "Being carried out"  # committed before the provider is called
    SUCCEEDED = "succeeded", "Done"
    UNCERTAIN = "uncertain", "Outcome unknown"  # nobody can know; a person says which
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused by policy"
    REJECTED = "rejected", "Rejected"
    CANCELLED = "cancelled", "Withdrawn"
    EXPIRED = "expired", "Expired"


S = Status

TRANSITIONS: dict[Status, frozenset[Status]] = {
    S.PROPOSED: frozenset({S.PENDING, S.APPROVED, S.REFUSED}),
    S.PENDING: frozenset({S.PROPOSED, S.APPROVED, S.NEEDS_CHANGES, S.REJECTED, S.REFUSED, S.CANCELLED, S.EXPIRED}),
    S.NEEDS_CHANGES: frozenset({S.PROPOSED, S.CANCELLED, S.EXPIRED}),
    S.APPROVED: frozenset({S.PROPOSED, S.PENDING, S.DISPATCHING, S.REFUSED, S.CANCELLED, S.EXPIRED}),
    # Back to approved: the call was definitely not made, or definitely failed and may be tried again later.
    S.DISPATCHING: frozenset({S.SUCCEEDED, S.APPROVED, S.FAILED, S.UNCERTAIN}),
    # A person says: it was sent, or it was not and may be tried again, or leave it.
    S.UNCERTAIN: frozenset({S.SUCCEEDED, S.APPROVED}),
    # A person tries again by hand; every check applies anew.
    S.FAILED: frozenset({S.APPROVED, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.REFUSED: frozenset(),
    S.REJECTED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}

SETTLED = frozenset({S.SUCCEEDED, S.FAILED, S.UNCERTAIN, S.REFUSED, S.REJECTED, S.CANCELLED, S.EXPIRED})
OPEN = frozenset(S) - SETTLED
# What expires once its own time has run out.
EXPIRING = (S.PENDING, S.NEEDS_CHANGES, S.APPROVED)
# Nobody has to say anything more; retention takes these alone.
ENDED = SETTLED - {S.UNCERTAIN}
EDITABLE = frozenset({S.PENDING, S.NEEDS_CHANGES, S.APPROVED})
WITHDRAWABLE = frozenset({S.PENDING, S.NEEDS_CHANGES, S.APPROVED, S.FAILED})
NEEDS_A_PERSON = frozenset({S.PENDING, S.NEEDS_CHANGES, S.UNCERTAIN, S.FAILED})

# Reasons to wait that nothing but their time ends: lifting a hold or changing a setting does not shorten them.
WAITS_OUT = ("backoff", "throttled")
# Waits for the slice of its plan that goes first.
CANARY = "canary"
# Runs alone, and nobody who may decide was seen for long.
NO_OPERATOR = "no_operator"
# Was due so long ago that a person has to say whether it still goes.
STALE = "stale"


def sources_of(target: Status) -> frozenset[Status]:
    """The states from which `target` can be reached."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)
