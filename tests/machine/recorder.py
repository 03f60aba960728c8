"""A provider that records what it is asked to do. It goes in by the registry's own door for tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from execution.providers.base import AccountConfig, Act, Connection, Provider, Receipt
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, Transient


class Answer(StrEnum):
    """What the service does with a call, and what it says of it."""

    OK = "ok"
    BUSY = "busy"  # not done; may well go later
    SLOW_DOWN = "slow_down"  # not done; asks for 30 seconds of peace
    NEVER = "never"  # not done, and never will be
    BAD_ACCOUNT = "bad_account"  # not done; nor would anything else of this account
    DONE_UNANSWERED = "done_unanswered"
    LOST_UNANSWERED = "lost_unanswered"
    CRASH = "crash"  # done, and then the provider's code breaks


DEFINITE_FAILURES = frozenset({Answer.BUSY, Answer.SLOW_DOWN, Answer.NEVER, Answer.BAD_ACCOUNT})
DONE = frozenset({Answer.OK, Answer.DONE_UNANSWERED, Answer.CRASH})


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the service. `answer` is None where the caller died before it had one."""

    act: Act
    account: AccountConfig
    drafted: bool
    happened: bool = False
    answer: Answer | None = None


@dataclass(slots=True)
class Script:
    """What the service does next: `before` is asked when a call comes in, `after` once its effect is there."""

    before: Callable[[Call], Answer] = lambda call: Answer.OK
    after: Callable[[Call], None] = lambda call: None


@dataclass(slots=True)
class Service:
    """The outside world: every call that was made, in order."""

    calls: list[Call] = field(default_factory=list)
    script: Script = field(default_factory=Script)

    def take(self, call: Call) -> Receipt:
        self.calls.append(call)
        answer = self.script.before(call)
        call.happened = answer in DONE
        self.script.after(call)
        call.answer = answer
        match answer:
            case Answer.OK:
                return Receipt(provider_message_id=f"m{len(self.calls)}", response="250 taken")
            case Answer.BUSY:
                raise Transient("Busy. Nothing was sent.", code=451)
            case Answer.SLOW_DOWN:
                raise Transient("Slow down. Nothing was sent.", code=454, retry_after=30)
            case Answer.NEVER:
                raise Permanent("No such mailbox. Nothing was sent.", code=550)
            case Answer.BAD_ACCOUNT:
                raise Misconfigured("The password is wrong.", code=535)
            case Answer.CRASH:
                raise ZeroDivisionError("a bug in the provider")
        raise Ambiguous("No answer came.")


class Recorder(Provider):
    """The provider of that service."""

    name = "recorder"
    label = "Recorder"
    channels = frozenset({"email", "sms"})
    can_draft = True

    def __init__(self, service: Service) -> None:
        self.service = service

    def connect(self, account: AccountConfig) -> Connection:
        return _Connection(provider=self, account=account)


class _Connection(Connection):
    def send(self, act: Act) -> Receipt:
        return self._take(act, drafted=False)

    def make_draft(self, act: Act) -> Receipt:
        return self._take(act, drafted=True)

    def _take(self, act: Act, *, drafted: bool) -> Receipt:
        assert isinstance(self.provider, Recorder)
        return self.provider.service.take(Call(act=act, account=self.account, drafted=drafted))
