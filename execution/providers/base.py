"""What every provider is: `Provider.connect` gives a `Connection`, which performs one `Act` at a time.

A subclass fills in small methods (`send`, and where its service has them `make_draft` and `find`); what holds for all
of them is written here once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Final, Literal, Self, final

from execution.providers.errors import Permanent

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """An account as its provider needs it, the secret in plain text: made right before the call, never stored.

    id: the account's, None for the installation's default. security: "none", "starttls" (must succeed) or "tls".
    max_connections: how many at once the service allows, over all workers. options: what only one provider knows.
    """

    id: str | None = None
    provider: str
    host: str = ""
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    security: Security = "none"
    from_email: str = ""
    from_name: str = ""
    max_connections: int = 4
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One approved act, as sealed.

    to: everyone it reaches, bare addresses (for mail: to, cc and bcc). sender: the bare address it comes from.
    payload: as validated, or a function that fetches it, since a raw channel does not look at it.
    wire: for raw channels the frozen bytes in order; None where the service builds the message itself.
    idempotency_key: the same at every try of the same act.
    """

    request_id: str
    attempt_id: str
    channel: str
    to: Sequence[str]
    sender: str = ""
    payload: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict, repr=False)
    wire: Sequence[bytes] | None = field(default=None, repr=False)
    idempotency_key: str = ""

    def content(self) -> Mapping[str, Any]:
        """The payload, fetched if need be."""
        return self.payload() if callable(self.payload) else self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The service's word that it took the act over.

    provider_message_id: its name for it, "" without one. response: its answer, shortened. wire_digest: SHA-256 of the
    exact bytes sent, in hexadecimal. url: where a person can look at the result, "" where nowhere.
    """

    provider_message_id: str = ""
    response: str = ""
    wire_digest: str = ""
    url: str = ""


class Unknown:
    """The answer of a look-up that cannot tell. There is one instance, `UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class Connection(ABC):
    """A way to a service through one account, kept over many acts. One thread at a time."""

    def __init__(self, *, provider: "Provider", account: AccountConfig) -> None:
        self.provider = provider
        self.account = account

    @final
    def perform(self, act: Act) -> Receipt:
        """Do it, once. Raises Transient, Permanent, Ambiguous or Misconfigured, and nothing else on purpose.

        Whatever else comes out of it, SystemExit from a worker's timer included, leaves the outcome unknown.
        """
        self._check_channel(act)
        return self.send(act)

    @final
    def draft(self, act: Act) -> Receipt:
        """Make a draft at the service that nobody else sees. Raises as `perform`, Permanent where there are none."""
        self._check_channel(act)
        if not self.provider.can_draft:
            raise Permanent(f"{self.provider.label} has no drafts. Nothing was made.")
        return self.make_draft(act)

    @final
    def lookup(self, act: Act) -> Receipt | Unknown | None:
        """Whether an earlier try of this act happened: its receipt, None if definitely not, UNKNOWN if it cannot tell.

        Makes nothing happen. Raises Transient where the service does not answer.
        """
        if not self.provider.looks_up(self.account.options):
            return UNKNOWN
        return self.find(act)

    @property
    def key_window(self) -> timedelta | None:
        """How long after the first try another one under the same key does nothing more; None: no such key."""
        return self.provider.window_of(self.account.options)

    @final
    def revert(self, act: Act, receipt: Receipt) -> Receipt:
        """Take back what `perform` did, as far as the service can: unpublish a page, delete an event.

        receipt: the one `perform` gave. Raises as `perform`, Permanent where nothing can be taken back.
        """
        self._check_channel(act)
        if not self.provider.can_revert:
            raise Permanent(f"{self.provider.label} takes nothing back: what was done stays done. Nothing was changed.")
        return self.take_back(act, receipt)

    def open(self, act: Act) -> None:
        """Open it ahead of this act, where that takes time of its own; nothing is sent. Raises as `perform`.

        The act then raises Stale where the connection turns out to be gone, instead of opening another by itself.
        """

    @abstractmethod
    def send(self, act: Act) -> Receipt:
        """`perform`, for an act of a channel that this provider serves."""

    def make_draft(self, act: Act) -> Receipt:
        """`draft`, where `can_draft` is set."""
        raise NotImplementedError(f"{type(self).__name__} sets can_draft without make_draft")

    def find(self, act: Act) -> Receipt | Unknown | None:
        """`lookup`, where `looks_up` says that there is one."""
        raise NotImplementedError(f"{type(self).__name__} looks up without find")

    def take_back(self, act: Act, receipt: Receipt) -> Receipt:
        """`revert`, where `can_revert` is set."""
        raise NotImplementedError(f"{type(self).__name__} sets can_revert without take_back")

    def close(self) -> None:
        """Let go of the connection. Never raises for a service that is gone."""

    def _check_channel(self, act: Act) -> None:
        if act.channel not in self.provider.channels:
            raise Permanent(f"{self.provider.label} cannot perform {act.channel}. Choose another account.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Provider(ABC):
    """One service. Stateless: an instance can be shared by all threads.

    name: its key in the registry. label: what people read. channels: those it can perform.
    key_window: how long the service recognises an idempotency key; None where it has none, and a call whose outcome
    is unknown must not be made again. can_draft, can_lookup, can_revert: whether it has drafts, finds an act by its
    key, and can take one back.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    channels: ClassVar[frozenset[str]]
    key_window: ClassVar[timedelta | None] = None
    can_draft: ClassVar[bool] = False
    can_lookup: ClassVar[bool] = False
    can_revert: ClassVar[bool] = False

    @abstractmethod
    def connect(self, account: AccountConfig) -> Connection:
        """A connection through `account`. It may stay closed until the first act; nothing is sent by opening it."""

    def window_of(self, options: Mapping[str, Any]) -> timedelta | None:
        """`key_window` of an account with these options."""
        return self.key_window

    def looks_up(self, options: Mapping[str, Any]) -> bool:
        """`can_lookup` of an account with these options."""
        return self.can_lookup
