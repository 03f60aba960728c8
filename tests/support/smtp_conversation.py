"""What the sink says to one client (RFC 5321): the protocol of `smtp_sink`, with its faults."""

import asyncio
import base64
import json
import re
import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.smtp_sink import Rule, Sink

_ADDRESS = re.compile(rb"<([^>]*)>")


class Conversation(asyncio.Protocol):
    """The server's side of one connection."""

    transport: asyncio.Transport

    def __init__(self, sink: "Sink") -> None:
        self.sink = sink
        self.number = 0
        self.buffer = bytearray()
        self.answers: list[str] = []
        self.waiting = False
        self.in_content = False
        self.begun = False
        self.login: list[str] | None = None
        self.authenticated = False
        self.encrypted = False
        self._clear()

    def _clear(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        if self.encrypted:  # STARTTLS calls this again
            return
        counts = self.sink.counts
        counts.connections += 1
        counts.open += 1
        counts.most_open = max(counts.most_open, counts.open)
        self.number = counts.connections
        self.sink.conversations.add(self)
        self._answer("connect", "220 sink.example ESMTP")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.sink.conversations:
            self.sink.conversations.discard(self)
            self.sink.counts.open -= 1

    def data_received(self, data: bytes) -> None:
        self.sink.counts.received_chunks += 1
        self.buffer += data
        if self.in_content and not self.begun and self.sink.rules:
            self.begun = True
            if rule := self.sink.rule_for("begun", self.recipients):
                self._misbehave(rule)
                self._close()
                return
        self._advance()

    def _advance(self) -> None:
        while not self.waiting and self._step():
            pass
        self._flush()

    def _step(self) -> bool:
        """Deal with one command or one content; False when more has to come first."""
        if self.in_content:
            return self._read_content()
        end = self.buffer.find(b"\n")
        if end < 0:
            return False
        line = bytes(self.buffer[:end]).rstrip(b"\r")
        del self.buffer[: end + 1]
        self._command(line)
        return True

    def _read_content(self) -> bool:
        if self.buffer.startswith(b".\r\n"):
            content, end = b"", 3
        else:
            at = self.buffer.find(b"\r\n.\r\n")
            if at < 0:
                return False
            content, end = bytes(self.buffer[: at + 2]), at + 5
        del self.buffer[:end]
        self.in_content = False
        if b"\n.." in content or content.startswith(b".."):
            content = re.sub(rb"(?m)^\.\.", b".", content)
        sender, recipients = self.sender or "", self.recipients
        self._clear()

        def accept() -> None:
            self.sink.take(sender, recipients, content, self.number)

        self._answer("content", f"250 2.0.0 Ok: queued as SINK{self.sink.counts.messages:06X}", recipients, accept)
        return True

    def _command(self, line: bytes) -> None:
        if self.sink.keep:
            self.sink.commands.append(line.decode("utf-8", "replace"))
        if self.login is not None:
            self._login_step(line.decode("ascii", "replace"))
            return
        verb = line[:4].upper()
        if verb in (b"EHLO", b"HELO"):
            self._clear()
            lines = ["sink.example", *self._features()] if verb == b"EHLO" else ["sink.example"]
            self._answer("ehlo", "\r\n".join(f"250{'-' if text != lines[-1] else ' '}{text}" for text in lines))
        elif verb == b"MAIL":
            self._mail(line)
        elif verb == b"RCPT":
            self._rcpt(line)
        elif verb == b"DATA":
            ready = bool(self.recipients) or (self.sink.eager_data and self.sender is not None)
            self._answer("data", "354 go ahead" if ready else "554 5.5.1 no valid recipients")
        elif verb == b"RSET":
            self._clear()
            self._answer("rset", "250 2.0.0 reset")
        elif verb == b"NOOP":
            self._say("250 2.0.0 ok")
        elif verb == b"AUTH":
            self._auth(line.decode("ascii", "replace"))
        elif line.upper() == b"STARTTLS" and self.sink.starttls and not self.encrypted:
            self._say("220 2.0.0 go ahead")
            self._flush()
            self.waiting = True
            self._encrypting = asyncio.ensure_future(self._encrypt())
        elif verb == b"QUIT":
            self._answer("quit", "221 2.0.0 bye")
        elif line.upper() == b"XSTATS":
            self._say("250 " + json.dumps(asdict(self.sink.counts)))
        else:
            self._say("500 5.5.2 what?")

    def _features(self) -> list[str]:
        features = list(self.sink.features)
        if self.sink.pipelining:
            features.append("PIPELINING")
        if self.sink.credentials:
            features.append("AUTH PLAIN LOGIN")
        if self.sink.starttls and not self.encrypted:
            features.append("STARTTLS")
        return features

    def _mail(self, line: bytes) -> None:
        found = _ADDRESS.search(line)
        if self.sink.credentials and not self.authenticated:
            self._say("530 5.7.0 Authentication required")
        elif self.sender is not None or not found:
            self._say("503 5.5.1 nested MAIL" if found else "501 5.5.4 syntax")
        else:
            sender = found[1].decode("utf-8", "replace")

            def begin() -> None:
                self.sender = sender

            self._answer("mail", "250 2.1.0 ok", [sender], begin)

    def _rcpt(self, line: bytes) -> None:
        found = _ADDRESS.search(line)
        if self.sender is None or not found:
            self._say("503 5.5.1 MAIL first" if found else "501 5.5.4 syntax")
            return
        who = found[1].decode("utf-8", "replace")
        self._answer("rcpt", "250 2.1.5 ok", [who], lambda: self.recipients.append(who))

    def _auth(self, line: str) -> None:
        words = line.split()
        if len(words) == 3 and words[1].upper() == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
            self._check_login(user, password)
        elif len(words) > 1 and words[1].upper() == "LOGIN":
            self.login = [base64.b64decode(words[2]).decode()] if len(words) == 3 else []
            self._say("334 " + base64.b64encode(b"Password:" if self.login else b"Username:").decode())
        else:
            self._say("504 5.5.4 mechanism not known")

    def _login_step(self, line: str) -> None:
        given = [*(self.login or []), base64.b64decode(line).decode()]
        self.login = given
        if len(given) < 2:
            self._say("334 " + base64.b64encode(b"Password:").decode())
            return
        self.login = None
        self._check_login(*given)

    def _check_login(self, user: str, password: str) -> None:
        def let_in() -> None:
            self.authenticated = True

        if (user, password) == self.sink.credentials:
            self._answer("auth", "235 2.7.0 welcome", then=let_in)
        else:
            self._say("535 5.7.8 Authentication credentials invalid")

    async def _encrypt(self) -> None:
        self.buffer.clear()
        self.encrypted = True
        loop = asyncio.get_running_loop()
        assert self.sink.tls is not None
        try:
            transport = await loop.start_tls(self.transport, self, self.sink.tls, server_side=True)
        except (OSError, ssl.SSLError):
            self.transport.abort()
            return
        if transport is not None:
            self.transport = transport
        self.waiting = False
        self._advance()

    def _answer(
        self, at: str, reply: str, recipients: Sequence[str] = (), then: Callable[[], Any] | None = None
    ) -> None:
        """The usual `reply` after `then` has been done, unless a rule says otherwise."""
        rule = self.sink.rule_for(at, recipients) if self.sink.rules else None
        if rule is None:
            self._usual(at, reply, then)
        elif rule.do == "delay":
            self._later(rule.seconds, lambda: self._usual(at, reply, then))
        elif rule.do == "drip":
            if then:
                then()
            self._drip(f"{reply}\r\n".encode(), rule.seconds)
        else:
            if rule.accept and then:
                then()
            self._misbehave(rule)

    def _usual(self, at: str, reply: str, then: Callable[[], Any] | None) -> None:
        if at == "data":
            self.in_content, self.begun = reply.startswith("354"), False
        if then:
            then()
        self._say(reply)
        if at == "quit":
            self._close()

    def _misbehave(self, rule: "Rule") -> None:
        if rule.reply:
            self._say(rule.reply)
        if rule.do == "reply":
            return
        self._flush()
        self.waiting = True
        if rule.do == "reset":
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        elif rule.do == "drop":
            self._close()
        elif rule.do != "stall":
            raise ValueError(f"a rule cannot do {rule.do!r}")

    def _close(self) -> None:
        self._flush()
        self.waiting = True
        self.transport.close()

    def _later(self, seconds: float, do: Callable[[], Any]) -> None:
        self._flush()
        self.waiting = True

        def resume() -> None:
            if not self.transport.is_closing():
                self.waiting = False
                do()
                self._advance()

        asyncio.get_running_loop().call_later(seconds, resume)

    def _drip(self, rest: bytes, seconds: float) -> None:
        self._flush()
        self.transport.write(rest[:1])
        if len(rest) > 1:
            self._later(seconds, lambda: self._drip(rest[1:], seconds))

    def _say(self, reply: str) -> None:
        self.answers.append(reply)

    def _flush(self) -> None:
        """All answers to what came in one piece go out in one piece, as RFC 2920 section 3.2 asks."""
        if self.answers:
            self.transport.write("\r\n".join([*self.answers, ""]).encode())
            self.answers.clear()
