"""Recovery's questions to a provider: what became of a call during which a worker died."""

import logging
import time
from uuid import UUID

from execution.engine.calling import act_of, connect, second_look
from execution.engine.facts import Facts
from execution.engine.guards import GUARDS, first_stop
from execution.engine.load import load_facts, read_ground
from execution.engine.outcomes import Outcome
from execution.engine.pace import in_turn
from execution.engine.worker import RunningWorker
from execution.models import Attempt, AttemptState, ExecutionRequest
from execution.providers import registry as providers
from workspaces.clock import database_now
from workspaces.errors import CountersignError
from workspaces.models import Mode, Workspace
from workspaces.scope import workspace_scope

logger = logging.getLogger(__name__)

# What only concerns the beginning of a call that was never made.
_NOT_ASKED_AGAIN = ("approved", "expiry", "limits", "auto_execution", "schedule", "undo_window")
_GUARDS = tuple(guard for guard in GUARDS if guard.name not in _NOT_ASKED_AGAIN)


def anything_to_ask(*, worker_id: UUID) -> bool:
    """Whether a worker left something that a provider could be asked about. Inside a scope of all workspaces."""
    left = Attempt.objects.select_related("request__account").filter(worker=worker_id, state=AttemptState.MARKED)
    return any(can_be_asked(attempt.request) for attempt in left)


def can_be_asked(request: ExecutionRequest) -> bool:
    """Whether its provider looks acts up, or knows idempotency keys. Only for live calls: nothing else was sent."""
    if request.account is None or request.mode != Mode.LIVE:
        return False
    options = request.account.options
    try:
        provider = providers.get(request.account.provider)
        return provider.looks_up(options) or provider.window_of(options) is not None
    except Exception:
        logger.exception("The account of request %s cannot be read.", request.pk)
        return False


def hand_over(*, attempt: Attempt, asker: RunningWorker) -> None:
    """In the transaction that ends the dead worker: the attempt is the asker's, and begun."""
    asker.journal.began(attempt.id)
    Attempt.objects.filter(pk=attempt.pk).update(worker=asker.id)


def ask(*, attempt: Attempt, first: Outcome, asker: RunningWorker) -> Outcome | None:
    """Look it up, or send it again under its key if every guard still lets it; `first` where neither tells.

    None where this process may no longer: then the next recovery asks.
    """
    if not asker.lease.holds:
        return None
    workspace = Workspace.objects.get(pk=attempt.workspace_id)
    with workspace_scope(workspace):
        asked = time.monotonic()
        facts = _facts(attempt=attempt, workspace=workspace)
        if facts.document is None:
            return first
        try:
            connection = connect(facts)
        except CountersignError as error:
            return Outcome(kind="ambiguous", detail=f"{first.detail} The provider cannot be asked: {error.detail}")

        def stops() -> str:
            # Read afresh: a look-up may have taken its time, and a hold counts from its commit (P6).
            stop = first_stop(_facts(attempt=attempt, workspace=workspace), guards=_GUARDS)
            if stop is not None:
                return stop.detail
            return "" if asker.lease.holds else "lease_lost"

        def why_not() -> str:
            # A repetition is a call like any other to a service that counts them.
            return in_turn(account=facts.account, slot=None, why_not=stops)

        begun_at = asked - (facts.now - attempt.marked_at).total_seconds()
        act = act_of(facts, attempt_id=attempt.id)
        with connection:
            outcome = second_look(connection=connection, act=act, first=first, begun_at=begun_at, why_not=why_not)
    asker.journal.ended(attempt.id, outcome.as_json())
    return outcome


def _facts(*, attempt: Attempt, workspace: Workspace) -> Facts:
    ground = read_ground(workspace=workspace)
    (facts,) = load_facts(ground=ground, ids=[attempt.request_id], now=database_now(), manual=True)
    return facts
