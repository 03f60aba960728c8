"""Opening an SMTP connection: greeting, encryption, login, by the standard library; what goes wrong, in our words."""

import smtplib
import socket
import ssl
from typing import Any

from execution.providers.base import AccountConfig
from execution.providers.errors import Misconfigured, ProviderError, Transient
from execution.providers.smtp_session import Reply, Session, printable

DEFAULT_PORTS = {"none": 25, "starttls": 587, "tls": 465}
THROTTLED_FOR = 60.0  # seconds, where the server asks for less haste without saying how much


def open_session(account: AccountConfig) -> Session:
    """A connection to the account's server that is ready for a transaction.

    Raises Transient where the server is away or busy, Misconfigured where the account cannot be right.
    """
    command_timeout = seconds(account, "command_timeout", 30)
    answer_timeout = seconds(account, "answer_timeout", 30)
    if not account.host:
        raise Misconfigured("The account has no host. Enter the mail server's name.")
    client = _Client(account, connect_timeout=seconds(account, "connect_timeout", 10), command_timeout=command_timeout)
    try:
        client.prepare(account)
        connected, features = client.hand_over()
    except (OSError, smtplib.SMTPException, UnicodeError) as wrong:
        raise trouble(account, wrong) from wrong
    finally:
        client.close()
    return Session(connected, features=features, command_timeout=command_timeout, answer_timeout=answer_timeout)


class _Client(smtplib.SMTP):
    """smtplib as far as the login; the transactions are ours."""

    def __init__(self, account: AccountConfig, *, connect_timeout: float, command_timeout: float) -> None:
        self._context = None if account.security == "none" else tls_context(account)
        self._tls_at_once = account.security == "tls"
        self._command_timeout = command_timeout
        super().__init__(local_hostname="localhost", timeout=connect_timeout)
        self._host = account.host  # the name that the certificate of STARTTLS must bear

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected: socket.socket = socket.create_connection((host, port), timeout)
        try:
            # A mail's last, short segment must not wait for the acknowledgement of the one before.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls_at_once and self._context:
                connected = self._context.wrap_socket(connected, server_hostname=host)
            connected.settimeout(self._command_timeout)
        except BaseException:
            connected.close()
            raise
        return connected

    def prepare(self, account: AccountConfig) -> None:
        """Connect, EHLO, STARTTLS, AUTH."""
        code, text = self.connect(account.host, account.port or DEFAULT_PORTS[account.security])
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        self.local_hostname = str(account.options.get("helo_name") or self._own_name())
        self._greet()
        if account.security == "starttls":
            code, text = self.starttls(context=self._context)
            if code != 220:
                raise smtplib.SMTPResponseException(code, text)
            self._greet()
        if account.username:
            self.login(account.username, account.password)

    def _greet(self) -> None:
        code, text = self.ehlo()
        if code // 100 == 5 and not (self._context and not self._tls_at_once):
            code, text = self.helo()
        if code // 100 != 2:
            raise smtplib.SMTPHeloError(code, text)

    def _own_name(self) -> str:
        """RFC 5321 section 4.1.1.1: our name, or our address where we have no full one. No DNS is asked."""
        name = socket.gethostname()
        if "." in name:
            return name
        address = self._connected().getsockname()[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _connected(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("hung up")
        return self.sock

    def hand_over(self) -> tuple[socket.socket, dict[str, str]]:
        """The socket and what the server can do; this object is done with."""
        connected, features = self._connected(), {name.lower(): what for name, what in self.esmtp_features.items()}
        if self.file:
            self.file.close()
        self.sock = self.file = None
        return connected, features


def tls_context(account: AccountConfig) -> ssl.SSLContext:
    """TLS that checks the server's name, against the system's authorities or the option `ca_file`."""
    ca_file = account.options.get("ca_file")
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as wrong:
        raise Misconfigured(f"The account's ca_file cannot be read ({wrong}).") from wrong
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def seconds(account: AccountConfig, option: str, default: float) -> float:
    """A positive number out of the account's options. Raises Misconfigured."""
    value: Any = account.options.get(option, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise Misconfigured(f"The account's option {option} must be a number above 0.")
    return float(value)


def trouble(account: AccountConfig, wrong: Exception) -> ProviderError | Misconfigured:
    """What an error before the first transaction means. Nothing was sent in any case."""
    where = f"{account.host}:{account.port or DEFAULT_PORTS[account.security]}"
    match wrong:
        case smtplib.SMTPAuthenticationError():
            return _by_code(wrong, f"{where} refused the login")
        case smtplib.SMTPResponseException():
            return _by_code(wrong, f"{where} does not want to talk to us")
        case smtplib.SMTPServerDisconnected():
            return Transient(f"{where} hung up before a mail could be begun.")
        case smtplib.SMTPException():
            return Misconfigured(f"{where} cannot do what the account asks for: {wrong}")
        case UnicodeError():
            return Misconfigured(
                f"{where}: the host, the user name or the password has letters that cannot be used there."
            )
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | TimeoutError():
            return Transient(f"{where} did not answer in time.")
        case ssl.SSLCertVerificationError():
            return Misconfigured(f"The certificate of {where} is not to be trusted: {wrong.verify_message}.")
        case ssl.SSLError():
            return Misconfigured(f"No trustworthy encrypted connection to {where}: {wrong}.")
        case socket.gaierror() if wrong.errno == socket.EAI_NONAME:
            return Misconfigured(f"There is no server called {account.host}. Correct the account's host.")
    return Transient(f"{where} cannot be reached: {wrong}.")


def _by_code(wrong: smtplib.SMTPResponseException, what: str) -> ProviderError | Misconfigured:
    text = wrong.smtp_error if isinstance(wrong.smtp_error, bytes) else str(wrong.smtp_error).encode()
    reply = Reply(wrong.smtp_code, text)
    if reply.code // 100 == 5:
        return Misconfigured(f"{what}: {reply}. Correct the account, then start it again.", code=reply.code)
    if reply.code // 100 == 4:
        return Transient(f"{what}: {reply}", code=reply.code, retry_after=pause_asked_for(reply))
    return Transient(f"{what}: {printable(text)}", code=reply.code)


def pause_asked_for(reply: Reply) -> float | None:
    """Seconds to wait where a 4yz reply is throttling: 421 and 454. None for other temporary trouble."""
    return THROTTLED_FOR if reply.code in (421, 454) else None
