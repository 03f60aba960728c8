"""A counting SMTP server: what it has fsynced is the truth that tests and benchmarks compare our own tables with.

It writes each accepted mail to its log before it answers 250, and can be told to answer late, wrongly or not at all.
In a test: `with SmtpSink(rules=[Rule(at="content", do="drop", accept=True)]) as sink: sink.port`. As a process of its
own: `python -m tests.support.smtp_sink --log FILE --rule '{"at": "rcpt", "do": "reply", "reply": "550 no"}'`, which
prints `{"port": N}` and answers the command XSTATS with its counts. Only the standard library is used.
"""

import argparse
import asyncio
import hashlib
import json
import os
import re
import signal
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from tests.support.smtp_conversation import Conversation

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class Rule:
    """One fault.

    at: connect, ehlo, auth, mail, rcpt, data, begun (the first octets of the content; the server then hangs up),
    content (the final dot), rset or quit.
    do: reply (with `reply`), delay (`seconds`, then the usual answer), drip (the usual answer, one octet each
    `seconds`), or, after `reply` if there is one: stall (never answer again), drop (close), reset (RST).
    recipient: a pattern; at rcpt that address must match, at content any recipient of the mail.
    accept: at content, take and log the mail before misbehaving. skip, times: let the first `skip` matches pass, then
    apply it `times` times (None: always).
    """

    at: str
    do: str = "reply"
    reply: str = ""
    recipient: str = "*"
    seconds: float = 0.0
    accept: bool = False
    skip: int = 0
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An accepted mail. sha256 is over the content as stored, dots unstuffed; `content` only if the sink keeps it."""

    message_id: str
    sender: str
    recipients: list[str]
    sha256: str
    size: int
    at: float
    connection: int
    content: bytes = field(default=b"", repr=False)


@dataclass(slots=True, kw_only=True)
class Counts:
    """What happened so far."""

    connections: int = 0
    open: int = 0
    most_open: int = 0
    messages: int = 0
    recipients: int = 0
    received_chunks: int = 0


class Sink:
    """The server's state and its conversations; `serve` runs it in the current event loop."""

    def __init__(
        self,
        *,
        log: str | os.PathLike[str] | None = None,
        rules: Sequence[Rule] = (),
        pipelining: bool = True,
        features: Sequence[str] = ("8BITMIME", "SMTPUTF8", "SIZE 35882577"),
        fsync: bool = True,
        keep: bool = False,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        starttls: bool = False,
        eager_data: bool = False,
    ) -> None:
        self.rules = list(rules)
        self.pipelining = pipelining
        self.features = list(features)
        self.credentials = credentials
        self.tls = tls
        self.starttls = starttls
        self.eager_data = eager_data
        self.keep = keep
        self.counts = Counts()
        self.messages: list[Received] = []
        self.commands: list[str] = []
        self.conversations: set[Conversation] = set()
        self._fsync = fsync
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else None

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Listen; returns the server."""
        at_once = self.tls if self.tls and not self.starttls else None
        return await asyncio.get_running_loop().create_server(lambda: Conversation(self), host, port, ssl=at_once)

    def take(self, sender: str, recipients: list[str], content: bytes, connection: int) -> None:
        """Make it durable: from here on the mail counts as sent."""
        found = _MESSAGE_ID.search(content, 0, 8_192)
        received = Received(
            message_id=found[1].decode("ascii", "replace") if found else "",
            sender=sender,
            recipients=recipients,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            at=time.time(),
            connection=connection,
            content=content if self.keep else b"",
        )
        if self._log is not None:
            entry = {name: getattr(received, name) for name in Received.__slots__ if name != "content"}
            os.write(self._log, json.dumps(entry).encode() + b"\n")
            if self._fsync:
                os.fsync(self._log)
        if self.keep or self._log is None:
            self.messages.append(received)
        self.counts.messages += 1
        self.counts.recipients += len(recipients)

    def rule_for(self, at: str, recipients: Sequence[str]) -> Rule | None:
        """The first rule that applies here and now; it is used up by one."""
        for rule in self.rules:
            if rule.at != at or not (
                rule.recipient == "*" or any(fnmatchcase(who, rule.recipient) for who in recipients)
            ):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.times is not None:
                if rule.times == 0:
                    continue
                rule.times -= 1
            return rule
        return None

    def close(self) -> None:
        """End every conversation and the log."""
        for conversation in list(self.conversations):
            conversation.transport.abort()
        if self._log is not None:
            os.close(self._log)
            self._log = None


class SmtpSink(Sink):
    """The sink in a thread of this process, as a context manager. It has its port from the start of the block."""

    port: int
    host = "127.0.0.1"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(self.serve(self.host, 0))
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, name="smtp-sink", daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def end() -> None:
            self._server.close()
            self.close()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def _main(arguments: argparse.Namespace) -> None:
    rules = [Rule(**json.loads(rule)) for rule in arguments.rule]
    if arguments.delay:
        rules.append(Rule(at="content", do="delay", seconds=arguments.delay))
    sink = Sink(
        log=arguments.log,
        rules=rules,
        pipelining=not arguments.no_pipelining,
        fsync=not arguments.no_fsync,
        eager_data=arguments.eager_data,
    )
    server = await sink.serve(arguments.host, arguments.port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    sink.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A counting SMTP sink with faults.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", help="append each accepted mail here as a JSON line, fsynced before the 250")
    parser.add_argument("--no-fsync", action="store_true")
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--eager-data", action="store_true", help="answer DATA with 354 even without recipients")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each final answer")
    parser.add_argument("--rule", action="append", default=[], help="a Rule as a JSON object; may be repeated")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
