"""The outside world as the promises see it: an SMTP server that says when each mail was begun and which it took."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.arrivals import Arrivals
from tests.support.smtp_conversation import Conversation
from tests.support.smtp_sink import Rule, SmtpSink


class WatchedSink(SmtpSink):
    """The sink, keeping what it takes. Its log, fsynced before each 250, is what tests believe.

    begun: when each MAIL command came in, by the host's clock: the moment a call began (tests.support.arrivals).
    """

    def __init__(self, *, log: Path, host: str = "127.0.0.1") -> None:
        # A rule that never applies: without any the conversation does not ask.
        super().__init__(log=log, rules=[Rule(at="never")], keep=True)
        self.path, self.host = log, host
        self.begun: list[float] = []
        self._arrivals = Arrivals()

    async def serve(self, host: str, port: int) -> asyncio.Server:
        listener = self._arrivals.listen(host=host, port=port)
        return await asyncio.get_running_loop().create_server(lambda: Conversation(self), sock=listener)

    def rule_for(self, at: str, recipients: Sequence[str]) -> Rule | None:
        if at == "mail":
            self.begun.append(self._arrivals.latest)
        return super().rule_for(at, recipients)

    def misbehave(self, **rule: Any) -> Rule:
        """Add a fault from now on."""
        added = Rule(**rule)
        self.rules.append(added)
        return added

    def behave(self) -> None:
        """No more faults."""
        self.rules[:] = [Rule(at="never")]

    def log_lines(self) -> list[dict[str, Any]]:
        """What was fsynced, oldest first."""
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def copies(self) -> Counter[UUID]:
        """How many mails of each request were taken; the Message-ID names the request."""
        return Counter(request_of(line["message_id"]) for line in self.log_lines())


def request_of(message_id: str) -> UUID:
    """The request that a mail belongs to."""
    return UUID(message_id.strip("<>").partition("@")[0])
