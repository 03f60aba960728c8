"""A web service that does what it is posted once for each Idempotency-Key, and can be asked what it did."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers.get("idempotency-key", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class KeyedSink:
    """calls: every request but look-ups. done: how often each key had its effect: once, however often it is called.

    status: the answer to a call; where it is not 2xx nothing is done. stall_at: the place of the call that is never
    answered; stalled_first: whether that one is stalled before its effect. stall_new: how many first calls under a key
    are still not to be answered. stalled: how many were not. released: ends the stall. tls: where it encrypts.
    """

    status: Callable[[Got], int] = lambda got: 200
    headers: dict[str, str] = field(default_factory=dict)
    stall_at: int | None = None
    stalled_first: bool = False
    stall_new: int = 0
    stalled: int = 0
    tls: ssl.SSLContext | None = None
    calls: list[Got] = field(default_factory=list)
    lookups: list[Got] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    stalling: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def take(self, got: Got) -> int:
        """The status of the answer."""
        if got.path.startswith("/acts/"):
            self.lookups.append(got)
            return 200 if self.done[got.path.removeprefix("/acts/")] else 404
        with self._lock:
            stalls = len(self.calls) == self.stall_at
            if self.stall_new and all(got.key != call.key for call in self.calls):
                self.stall_new -= 1
                stalls = True
            self.calls.append(got)
        if stalls and self.stalled_first:
            self._stall()
            return 500
        status = self.status(got)
        if 200 <= status < 300:
            with self._lock:
                self.done[got.key] = 1 if got.key else self.done[got.key] + 1
        if stalls:
            self._stall()
        return status

    def _stall(self) -> None:
        with self._lock:
            self.stalled += 1
        self.stalling.set()
        self.released.wait(60)

    def __enter__(self) -> Self:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = sink.take(Got(method=self.command, path=self.path, headers=headers, body=body))
                try:
                    self.send_response(status)
                    for name, value in sink.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    return  # whoever called is gone

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _take

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
