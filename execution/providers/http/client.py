"""One request over a connection of its own. What could not be reached is told apart from what may have arrived."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings

from execution.alerts.addresses import is_public

MOST_BYTES = 65_536  # of an answer that are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said. body: its first 64 KiB. headers: by lower-case name."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Unreached(Exception):
    """Nothing of the request was sent. `for_good`: and trying again would not help."""

    def __init__(self, detail: str, *, for_good: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.for_good = for_good


class BrokenOff(Exception):
    """It was sent, in part or whole, and no answer could be read: nobody knows what became of it."""


class Line:
    """A connection to the server of one address, for one request. Used as a context manager, or closed."""

    def __init__(self, *, url: str, connect_timeout: float = 10.0) -> None:
        """Connect, and encrypt for https; nothing of a request is sent. Raises Unreached.

        The name is resolved once and the connection goes to the very address that was looked at, so that a name which
        changes its meaning in between leads nowhere else. Time in seconds.
        """
        parts = urlsplit(url)
        host, is_tls = parts.hostname or "", parts.scheme == "https"
        self.url = url
        self._connected = _connect(host=host, port=parts.port or (443 if is_tls else 80), timeout=connect_timeout)
        try:
            if is_tls:
                self._connected = _encrypt(self._connected, host=host)
        except BaseException:
            self._connected.close()
            raise

    @property
    def is_gone(self) -> bool:
        """Whether the server hung up, or spoke, before it was asked anything."""
        self._connected.settimeout(0)
        try:
            self._connected.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def request(
        self, *, method: str, headers: Mapping[str, str], body: bytes | None, answer_timeout: float = 30.0
    ) -> Answer:
        """Send the request and read its answer, whatever its status. Redirects are answers too, and not followed.

        `answer_timeout` runs from the first byte sent to the last one read, in seconds. Raises BrokenOff.
        """
        self._connected.settimeout(answer_timeout)
        # A server that says a byte now and then would otherwise keep the caller for ever.
        timer = threading.Timer(answer_timeout, _cut, args=(self._connected,))
        timer.daemon = True
        timer.start()
        try:
            return _exchange(self._connected, method=method, url=self.url, headers=headers, body=body)
        except (OSError, http.client.HTTPException) as wrong:
            raise BrokenOff(type(wrong).__name__) from wrong
        finally:
            timer.cancel()

    def close(self) -> None:
        """Hang up."""
        self._connected.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _connect(*, host: str, port: int, timeout: float) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as wrong:
        raise Unreached(f"The name {host} cannot be resolved. Nothing was sent.") from wrong
    allowed = [one for one in found if settings.OUTBOUND_ALLOW_PRIVATE or is_public(str(one[4][0]))]
    if not allowed:
        # Not which: what a name means inside the network is not for whoever may enter an address.
        raise Unreached(f"{host} leads to an address that is not public. Nothing was sent.", for_good=True)
    family, kind, protocol, _, address = allowed[0]
    connected = socket.socket(family, kind, protocol)
    try:
        connected.settimeout(timeout)
        connected.connect(address)
    except OSError as wrong:
        connected.close()
        raise Unreached(f"{host} does not answer ({type(wrong).__name__}). Nothing was sent.") from wrong
    return connected


def _encrypt(connected: socket.socket, *, host: str) -> ssl.SSLSocket:
    try:
        return ssl.create_default_context().wrap_socket(connected, server_hostname=host)
    except ssl.SSLCertVerificationError as wrong:
        raise Unreached(f"The certificate of {host} is not valid. Nothing was sent.", for_good=True) from wrong
    except OSError as wrong:
        raise Unreached(f"{host} makes no encrypted connection. Nothing was sent.") from wrong


def _exchange(
    connected: socket.socket, *, method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    parts = urlsplit(url)
    client = http.client.HTTPConnection(parts.netloc)
    client.sock = connected
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    client.request(method, target, body=body, headers={**headers, "Connection": "close"})
    response = client.getresponse()
    content = response.read(MOST_BYTES)
    return Answer(
        status=response.status, body=content, headers={name.lower(): value for name, value in response.getheaders()}
    )


def _cut(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
