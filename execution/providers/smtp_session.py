"""One open SMTP connection and one mail transaction over it (RFC 5321 section 3.3, RFC 2920).

What matters is where a transaction broke. Before the content began nothing can have been sent; once it began, only
the server's explicit answer says whether it took the mail, and without one nobody can know (RFC 1047).
"""

import socket
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

_MAX_LINE = 8_192
_MAX_LINES = 100
# The slowest upload that is waited for, in octets a second.
_SLOWEST = 65_536
_VISIBLE = bytes(byte if 32 <= byte < 127 else 32 for byte in range(256))


class Reply(NamedTuple):
    """A server's answer: its code, and its text as it came, lines joined by spaces."""

    code: int
    text: bytes

    def __str__(self) -> str:
        return f"{self.code} {printable(self.text)}".strip()


class Lost(Exception):
    """The connection ended, or the server said 421, before any content was sent."""

    def __init__(self, why: str, reply: Reply | None = None) -> None:
        super().__init__(why)
        self.reply = reply


class Refused(Exception):
    """The server said no. `stage` is "mail", "rcpt", "data" or "content"; `recipients` are those it refused."""

    def __init__(self, stage: str, reply: Reply, recipients: Sequence[str] = ()) -> None:
        super().__init__(f"{stage}: {reply}")
        self.stage = stage
        self.reply = reply
        self.recipients = tuple(recipients)


class Stalled(Exception):
    """The server did not answer in time, or not in SMTP; no content was sent."""


class Unanswered(Exception):
    """The content was sent, in whole or in part, and no answer to it came that could be understood."""


class _Garbled(Exception):
    """What came is not an SMTP reply."""


def printable(text: bytes) -> str:
    """A server's words for people: ASCII, one line, at most 300 characters."""
    return text[:300].translate(_VISIBLE).decode("ascii").strip()


class Session:
    """A connection past its greeting, encryption and login.

    usable: whether another transaction may be begun on it. It is False while one runs, so that a transaction which
    ends in any unforeseen way, a signal included, leaves a connection that nobody uses again.
    """

    __slots__ = (
        "_answer_timeout",
        "_at",
        "_buffer",
        "_command_timeout",
        "_deadline",
        "_phase",
        "_slow",
        "_socket",
        "last_used",
        "max_size",
        "pipelining",
        "sent",
        "smtputf8",
        "usable",
    )

    def __init__(
        self, connected: socket.socket, *, features: dict[str, str], command_timeout: float, answer_timeout: float
    ) -> None:
        self._socket = connected
        self._buffer = b""
        self._at = 0
        self._command_timeout = command_timeout
        self._answer_timeout = answer_timeout
        self._deadline = 0.0
        self._phase = command_timeout
        self._slow = False
        self.pipelining = "pipelining" in features
        self.smtputf8 = "smtputf8" in features
        size = features.get("size", "")
        self.max_size = int(size) if size.isdecimal() else 0
        self.sent = 0
        self.last_used = monotonic()
        self.usable = True
        connected.settimeout(command_timeout)

    def deliver(self, *, sender: str, recipients: Sequence[str], data: bytes, parameters: str = "") -> Reply:
        """One transaction for all `recipients`: the mail reaches each of them or none.

        data: the content, dot-stuffed, with the final dot. parameters: of MAIL, with a leading space.
        With PIPELINING the envelope goes out in one write. DATA goes with it only for a single recipient: if that one
        is refused, no content follows, while with several DATA might be accepted for a part of them.
        Raises Lost, Refused, Stalled or Unanswered.
        """
        self.usable = False
        commands = [f"MAIL FROM:<{sender}>{parameters}\r\n"]
        commands += [f"RCPT TO:<{address}>\r\n" for address in recipients]
        early_data = self.pipelining and len(recipients) == 1
        if early_data:
            commands.append("DATA\r\n")
        try:
            replies = self._exchange(commands)
            self._check_envelope(replies, recipients, early_data=early_data)
            go_ahead = replies[-1] if early_data else self._exchange(["DATA\r\n"])[0]
            if go_ahead.code != 354:
                self._give_up("data", go_ahead)
            if self._at != len(self._buffer):
                raise Stalled("The server said more than it was asked, so its answers cannot be told apart.")
        except TimeoutError:
            self.abandon()
            raise Stalled(f"The server did not answer within {self._command_timeout:g} s.") from None
        except _Garbled as wrong:
            self.abandon()
            raise Stalled(f"The server did not answer in SMTP ({wrong}).") from None
        except OSError as gone:
            self.abandon()
            raise Lost(f"The connection broke ({gone}).") from gone
        answer = self._send_content(data)
        if answer.code // 100 != 2:
            self.usable = answer.code != 421 and self._at == len(self._buffer)
            raise Refused("content", answer)
        self.sent += 1
        self.last_used = monotonic()
        self.usable = self._at == len(self._buffer)
        return answer

    def _exchange(self, commands: list[str]) -> list[Reply]:
        """The replies in order. Fewer than `commands` where a refusal or the server's farewell made the rest idle."""
        self._new_deadline(self._command_timeout)
        replies: list[Reply] = []
        if not self.pipelining:
            for command in commands:
                self._socket.sendall(command.encode())
                replies.append(self._read_reply())
                if replies[-1].code // 100 != 2:
                    break
            return replies
        self._socket.sendall("".join(commands).encode())
        for _ in commands:
            try:
                replies.append(self._read_reply())
            except (OSError, _Garbled):
                if any(reply.code >= 400 for reply in replies):
                    self.abandon()
                    break  # a server that refuses and hangs up has answered
                raise
            if replies[-1].code == 421:
                break
        return replies

    def _check_envelope(self, replies: list[Reply], recipients: Sequence[str], *, early_data: bool) -> None:
        mail, rcpts = replies[0], replies[1 : len(recipients) + 1]
        refused = [(who, reply) for who, reply in zip(recipients, rcpts, strict=False) if reply.code not in (250, 251)]
        if mail.code == 250 and not refused:
            if len(rcpts) < len(recipients):
                raise _Garbled("it accepted only a part of what it was asked")
            return
        if early_data and len(replies) == 3 and replies[2].code == 354:
            # It waits for content that must not come. Hanging up discards the transaction (RFC 5321 section 4.1.1.4);
            # the lone dot of RFC 2920 would hand an empty mail to a server that is wrong twice.
            self.abandon()
        if mail.code != 250:
            self._give_up("mail", mail)
        worst = max((reply for _, reply in refused), key=lambda reply: reply.code)
        self._give_up("rcpt", worst, [who for who, _ in refused])

    def _give_up(self, stage: str, reply: Reply, recipients: Sequence[str] = ()) -> None:
        if reply.code == 421:
            self.abandon()
            raise Lost(f"The server closed the connection ({reply}).", reply)
        if self._socket.fileno() >= 0:
            self._reset()
        raise Refused(stage, reply, recipients)

    def _reset(self) -> None:
        try:
            self._new_deadline(min(5, self._command_timeout))
            self._socket.sendall(b"RSET\r\n")
            self.usable = self._read_reply().code == 250 and self._at == len(self._buffer)
        except (OSError, _Garbled):
            self.usable = False
        if not self.usable:
            self.abandon()

    def _send_content(self, data: bytes) -> Reply:
        extra = len(data) / _SLOWEST
        try:
            if extra > 1:
                self._socket.settimeout(self._answer_timeout + extra)
                self._slow = True
            self._socket.sendall(data)
        except OSError as gone:
            if early := self._early_refusal():
                self.abandon()
                raise Refused("content", early) from gone
            self.abandon()
            raise Unanswered(f"The connection broke while the mail was being sent ({gone}).") from gone
        try:
            self._new_deadline(self._answer_timeout)
            answer = self._read_reply()
            if not 200 <= answer.code < 300 and not 400 <= answer.code < 600:
                raise _Garbled(str(answer))
        except TimeoutError:
            self.abandon()
            raise Unanswered(f"The mail was sent; no answer came within {self._answer_timeout:g} s.") from None
        except _Garbled as wrong:
            self.abandon()
            raise Unanswered(f"The mail was sent; the answer is not SMTP ({wrong}).") from None
        except OSError as gone:
            self.abandon()
            raise Unanswered(f"The mail was sent; the connection broke before the answer ({gone}).") from gone
        return answer

    def _early_refusal(self) -> Reply | None:
        """What the server said before it hung up in the middle of the content: a refusal, or None."""
        try:
            self._new_deadline(0.5)
            reply = self._read_reply()
        except (OSError, _Garbled):
            return None
        return reply if 400 <= reply.code < 600 else None

    def _new_deadline(self, seconds: float) -> None:
        """All replies of the phase that begins must have come in `seconds`, however slowly they drip."""
        self._deadline = monotonic() + seconds
        self._phase = seconds
        if self._slow or seconds != self._command_timeout:
            self._socket.settimeout(seconds)
            self._slow = seconds != self._command_timeout

    def _read_reply(self) -> Reply:
        lines: list[bytes] = []
        while True:
            end = self._buffer.find(b"\n", self._at)
            if end < 0:
                if len(self._buffer) - self._at > _MAX_LINE:
                    raise _Garbled("a line without an end")
                self._fill()
                continue
            line = self._buffer[self._at : end].rstrip(b"\r")
            self._at = end + 1
            code, mark = line[:3], line[3:4]
            if len(code) != 3 or not code.isdigit() or mark not in b" -" or len(lines) > _MAX_LINES:
                raise _Garbled(printable(line)[:80])
            lines.append(line[4:])
            if mark != b"-":
                return Reply(int(code), lines[0] if len(lines) == 1 else b" ".join(lines))

    def _fill(self) -> None:
        remaining = self._deadline - monotonic()
        if remaining < 0.9 * self._phase:  # setting it costs a system call, so not while little time has passed
            if remaining <= 0:
                raise TimeoutError
            self._socket.settimeout(remaining)
            self._slow = True
        rest = self._buffer[self._at :]
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionResetError("it was closed by the server")
        self._buffer = rest + received
        self._at = 0

    def abandon(self) -> None:
        """Close the connection without a word."""
        self.usable = False
        self._socket.close()

    def quit(self) -> None:
        """Take leave (RFC 5321 section 4.1.1.10), waiting two seconds at most for the server to do so too."""
        self.usable = False
        try:
            self._socket.settimeout(2)
            self._socket.sendall(b"QUIT\r\n")
            self._socket.recv(512)
        except OSError:
            pass
        finally:
            self._socket.close()
