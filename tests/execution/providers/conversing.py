"""Acts and accounts for the tests of the SMTP provider."""

from collections.abc import Sequence
from typing import Any

from execution.providers.base import AccountConfig, Act, Connection
from execution.providers.smtp import SmtpProvider
from execution.wire import Sender, build_email
from tests.support.smtp_sink import Sink

SENDER = "rosa@example.org"
OFFICE = "office@senate.example"


def account(sink: Sink, **changed: Any) -> AccountConfig:
    """An account at the sink, with timeouts that a test can wait for."""
    options = {"connect_timeout": 5, "command_timeout": 5, "answer_timeout": 5} | changed.pop("options", {})
    known = {"provider": "smtp", "host": "127.0.0.1", "port": getattr(sink, "port", 0), "options": options}
    return AccountConfig(**(known | changed))


def connect(sink: Sink, **changed: Any) -> Connection:
    """A connection to the sink. It opens with the first act."""
    return SmtpProvider().connect(account(sink, **changed))


def mail(*to: str, number: int = 1, text: str = "Dear Senator,\n", wire: Sequence[bytes] | None = None) -> Act:
    """A mail to `to`, or to one office."""
    parts = build_email(
        payload={"subject": "A hearing", "text": text},
        sender=Sender(name="Rosa", address=SENDER),
        to=[to[0] if to else OFFICE],
        message_id=f"<{number}@example.org>",
    )
    return Act(
        request_id=str(number),
        attempt_id=str(number),
        channel="email",
        to=to or (OFFICE,),
        sender=SENDER,
        wire=parts if wire is None else wire,
    )
