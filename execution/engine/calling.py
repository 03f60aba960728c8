"""From the facts of a request to its call, and what is done where a call's outcome is unknown."""

import logging
import time
from collections.abc import Callable
from uuid import UUID

from execution.engine.facts import Facts
from execution.engine.outcomes import Outcome, of_error, of_receipt
from execution.providers import registry as providers
from execution.providers.base import UNKNOWN, AccountConfig, Act, Connection, Receipt
from execution.providers.errors import Stale
from execution.sending import default_secret
from execution.services.credentials import decrypt

logger = logging.getLogger(__name__)

_KEY_MARGIN = 0.9  # of a key's window: its clock is the service's, and the call itself takes time


def connect(facts: Facts) -> Connection:
    """A connection through the account that was approved. Decrypts its secret; never in a dry run."""
    identity, account = facts.sender_now, facts.account
    if identity is None:
        raise ValueError("A request without an account has no connection.")
    config = AccountConfig(
        id=identity.account,
        provider=identity.provider,
        host=identity.host,
        port=identity.port,
        username=identity.user,
        password=decrypt(account.secret) if account else default_secret(channel=facts.row.channel),
        security=identity.security,  # type: ignore[arg-type]
        from_email=identity.from_email,
        from_name=identity.from_name,
        max_connections=account.max_connections if account else 4,
        options=account.options if account else {},
    )
    return providers.get(identity.provider).connect(config)


def act_of(facts: Facts, *, attempt_id: UUID) -> Act:
    """What is performed: the frozen document in the provider's terms, under the same key at every try."""
    document = facts.document or {}
    return Act(
        request_id=str(facts.row.id),
        attempt_id=str(attempt_id),
        channel=facts.row.channel,
        to=facts.recipients.addresses,
        sender=facts.sender_now.from_email if facts.sender_now else "",
        payload=document["payload"],
        wire=[facts.parts[digest] for digest in document["wire"]] or None,
        idempotency_key=str(facts.row.id),
    )


def second_look(
    *, connection: Connection, act: Act, first: Outcome, begun_at: float, why_not: Callable[[], str]
) -> Outcome:
    """What becomes of a call whose outcome is unknown: looked up, else made again under its key (P2), else `first`.

    begun_at: by the monotonic clock, no later than the first try reached the service. why_not: asked right before it is
    called again; says why it must not be, or "". A repetition that fails says nothing of the first try, so it stays
    unknown then.
    """
    try:
        found = connection.lookup(act)
    except Exception as error:  # noqa: BLE001  (a look-up that breaks tells nothing, whatever broke)
        logger.warning("Request %s could not be looked up (%s).", act.request_id, type(error).__name__)
        found = UNKNOWN
    if isinstance(found, Receipt):
        return of_receipt(found)
    if found is None:
        return Outcome(kind="transient", detail="It was broken off, and the service says that it did not happen.")
    window = connection.key_window
    if window is None:
        return first
    good_until, again = begun_at + window.total_seconds() * _KEY_MARGIN, first
    for _ in range(2):  # what was opened ahead may be gone once it is its turn
        if time.monotonic() > good_until:
            return first
        try:
            connection.open(act)
            # The look-up, opening and the wait for its turn take time, in which the key may have been forgotten.
            if why_not() or time.monotonic() > good_until:
                return first
            return of_receipt(connection.perform(act))
        except Stale as gone:
            again = of_error(gone)
        except Exception as error:  # noqa: BLE001  (every failure of a call is an outcome)
            again = of_error(error)
            break
    return Outcome(kind="ambiguous", detail=f"{first.detail} Under the same key again: {again.detail}")
