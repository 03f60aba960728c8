"""Mail through an SMTP server: the frozen bytes below a `Date:` line, over a connection kept for many mails."""

import hashlib
import re
from time import monotonic

from execution.providers.base import AccountConfig, Act, Connection, Provider, Receipt
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Stale, Transient
from execution.providers.smtp_connect import open_session, pause_asked_for, seconds
from execution.providers.smtp_session import Lost, Refused, Reply, Session, Stalled, Unanswered, printable
from execution.wire.addresses import wire_address
from execution.wire.dates import date_line
from workspaces.errors import InvalidInput

_QUEUE_ID = re.compile(rb"queued as (\S+)|\bid=(\S+)|^(?:2\.\d\.\d )?Ok ([\w-]+)$", re.IGNORECASE)
_END = b".\r\n"
_MANY = 65_536  # octets from which the server is told the size beforehand (RFC 1870)


class SmtpProvider(Provider):
    """Any SMTP server. It has no idempotency keys, no drafts, and cannot be asked what became of a mail.

    Options of an account: connect_timeout (10 s), command_timeout (30 s for the envelope), answer_timeout (30 s for
    the final answer), max_messages (1,000 on one connection), max_idle (30 s), helo_name, ca_file.
    """

    name = "smtp"
    label = "SMTP"
    channels = frozenset({"email"})

    def connect(self, account: AccountConfig) -> Connection:
        return SmtpConnection(provider=self, account=account)


class SmtpConnection(Connection):
    """One connection, opened with the first mail and again whenever it has been used up, or closed by the server."""

    def __init__(self, *, provider: Provider, account: AccountConfig) -> None:
        super().__init__(provider=provider, account=account)
        self._session: Session | None = None
        self._is_open_ahead = False
        self._max_messages = seconds(account, "max_messages", 1_000)
        self._max_idle = seconds(account, "max_idle", 30)

    def open(self, act: Act) -> None:
        self._session = self._kept() or open_session(self.account)
        self._is_open_ahead = True

    def send(self, act: Act) -> Receipt:
        """One transaction for all recipients. See `Connection.perform` for what it raises."""
        may_open, self._is_open_ahead = not self._is_open_ahead, False
        data, digest = content_of(act)
        sender, recipients = _envelope(act)
        session = self._kept()
        if session is None and not may_open:
            raise Stale("The connection was idle for too long. Nothing was sent.")
        if session is not None:
            try:
                return self._deliver(session, sender, recipients, data, digest)
            except Lost as lost:
                # The server ended an idle connection; nothing was sent, so a fresh one may try.
                if not may_open:
                    raise _gone(Stale, lost) from lost
        session = open_session(self.account)
        try:
            return self._deliver(session, sender, recipients, data, digest)
        except Lost as lost:
            raise _gone(Transient, lost) from lost

    def _kept(self) -> Session | None:
        """The open connection, taken out of its place, if it is still good for a mail."""
        session, self._session = self._session, None
        if session is None:
            return None
        if session.sent >= self._max_messages or monotonic() - session.last_used > self._max_idle:
            session.quit()
            return None
        return session

    def _deliver(self, session: Session, sender: str, recipients: list[str], data: bytes, digest: str) -> Receipt:
        try:
            parameters = _parameters(session, [sender, *recipients], data)
            reply = session.deliver(sender=sender, recipients=recipients, data=data, parameters=parameters)
        except Refused as refused:
            raise _meaning_of(refused) from refused
        except Stalled as stalled:
            raise Transient(f"{stalled} Nothing was sent.") from stalled
        except Unanswered as unanswered:
            raise Ambiguous(f"{unanswered} Whether the server took it, nobody can know.") from unanswered
        finally:
            if session.usable:
                self._session = session
            else:
                session.abandon()
        found = _QUEUE_ID.search(reply.text)
        name = next(filter(None, found.groups()), b"") if found else b""
        return Receipt(provider_message_id=printable(name), response=str(reply), wire_digest=digest)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.quit()


def _gone(kind: type[Transient], lost: Lost) -> Transient:
    reply = lost.reply
    return kind(
        f"{lost} Nothing was sent.",
        code=reply.code if reply else None,
        retry_after=pause_asked_for(reply) if reply else None,
    )


def _envelope(act: Act) -> tuple[str, list[str]]:
    """The sender and the recipients as SMTP may be given them; nothing in them can end a command."""
    if not act.to:
        raise Permanent("The mail has no recipient. Nothing was sent.")
    try:
        return wire_address(act.sender), [wire_address(address) for address in act.to]
    except InvalidInput as wrong:
        raise Permanent(f"{wrong.detail} Nothing was sent.") from wrong


def content_of(act: Act) -> tuple[bytes, str]:
    """What goes out after DATA, the final dot included, and the SHA-256 of the content as the server will store it.

    A line end that is not CRLF is refused: servers differ in what they make of it, and some take what follows for the
    next mail (SMTP smuggling, CVE-2023-51764).
    """
    if not act.wire:
        raise Permanent("The mail has no frozen bytes. Nothing was sent.")
    data = b"".join((date_line(), *act.wire, _END))
    lines = data.count(b"\r\n")
    if data.count(b"\n") != lines or data.count(b"\r") != lines or data[-5:-3] != b"\r\n":
        raise Permanent("The mail's frozen bytes have a line that does not end in CRLF. Nothing was sent.")
    end = len(data) - len(_END)
    digest = hashlib.sha256(memoryview(data)[:end]).hexdigest()
    if data.find(b"\n.", 0, end) >= 0:
        data = data[:end].replace(b"\n.", b"\n..") + _END  # RFC 5321 section 4.5.2
    return data, digest


def _parameters(session: Session, addresses: list[str], data: bytes) -> str:
    """What MAIL has to announce; Permanent where the server did not offer what this mail needs."""
    if session.max_size and len(data) > session.max_size:
        raise Permanent(f"The mail has {len(data):,} octets; the server takes {session.max_size:,}. Send less.")
    parameters = f" SIZE={len(data)}" if session.max_size and len(data) >= _MANY else ""
    if data.isascii() and all(map(str.isascii, addresses)):
        return parameters
    if not session.smtputf8:
        raise Permanent("An address has letters that this server cannot take (it lacks SMTPUTF8). Use another address.")
    return f"{parameters} SMTPUTF8 BODY=8BITMIME"


def _meaning_of(refused: Refused) -> ProviderError | Misconfigured:
    """RFC 5321 section 4.2.1: 4yz may go later, 5yz never will. In each case the server did not take the mail."""
    reply = refused.reply
    who = f" for {', '.join(refused.recipients[:5])}" if refused.recipients else ""
    said = f"The server refused the mail{who}: {reply}. It was not sent to anybody."
    if reply.code // 100 == 5 and reply.code != 503:  # 503 is about the order of commands, so never about this mail
        if _is_about_the_account(refused.stage, reply):
            return Misconfigured(f"{said} Correct the account, then start it again.", code=reply.code)
        return Permanent(said, code=reply.code)
    return Transient(said, code=reply.code, retry_after=pause_asked_for(reply))


def _is_about_the_account(stage: str, reply: Reply) -> bool:
    """Whether every other mail of this account would meet the same: MAIL names only us and the size (552)."""
    return reply.code in (530, 534, 535, 538) or (stage == "mail" and reply.code != 552)
