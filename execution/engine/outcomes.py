"""How one call went, in terms of what the engine does next."""

from dataclasses import dataclass
from typing import Any, Literal

from execution.providers.base import Receipt
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from workspaces.errors import CountersignError

Kind = Literal[
    "done", "dry_run", "draft", "transient", "throttled", "permanent", "ambiguous", "misconfigured", "not_begun"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One try's result. `retry_after`: seconds the service asked for."""

    kind: Kind
    detail: str = ""
    message_id: str = ""
    response: str = ""
    wire_digest: str = ""
    url: str = ""
    retry_after: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For the journal."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}


def of_receipt(receipt: Receipt, *, kind: Kind = "done") -> Outcome:
    """The service took it over."""
    return Outcome(
        kind=kind,
        message_id=receipt.provider_message_id[:300],
        response=receipt.response[:500],
        wire_digest=receipt.wire_digest,
        url=receipt.url[:1000],
    )


def of_error(error: BaseException) -> Outcome:
    """What an error of a provider means. Whatever no provider should raise leaves the outcome unknown."""
    if isinstance(error, Transient):
        kind: Kind = "throttled" if error.retry_after is not None else "transient"
        return Outcome(kind=kind, detail=error.detail, retry_after=error.retry_after)
    if isinstance(error, Permanent):
        return Outcome(kind="permanent", detail=error.detail)
    if isinstance(error, Misconfigured):
        return Outcome(kind="misconfigured", detail=error.detail)
    if isinstance(error, Ambiguous):
        return Outcome(kind="ambiguous", detail=error.detail)
    return Outcome(kind="ambiguous", detail=f"Broken off by {type(error).__name__}; it may have gone out.")


def of_preparation(error: Exception) -> Outcome:
    """What an error before the call means: it definitely did not happen. A refusal of ours is about the account."""
    if isinstance(error, CountersignError):
        return Outcome(kind="misconfigured", detail=error.detail)
    if isinstance(error, ProviderError | Misconfigured):
        return of_error(error)
    return Outcome(kind="transient", detail=f"It could not be prepared ({type(error).__name__}). Nothing was sent.")


def not_begun(reason: str) -> Outcome:
    """Given back before any call."""
    return Outcome(kind="not_begun", detail=reason)
