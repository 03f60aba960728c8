"""Calls to other systems' addresses: JSON, signed, under one key for every try of the same act."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from execution.providers.base import UNKNOWN, AccountConfig, Act, Connection, Provider, Receipt, Unknown
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, Stale, Transient
from execution.providers.http import Answer, BrokenOff, Line, Unreached


class WebhookProvider(Provider):
    """Any HTTP address. The account's secret signs each call (Standard Webhooks, `whsec_` and base64, or any text).

    Options of an account: key_window_seconds (0: how long the receiver knows an Idempotency-Key), lookup_url (an
    address with {id} in it that answers 200 for what was done and 404 for what was not and will not be),
    connect_timeout (10 s), answer_timeout (30 s).
    """

    name = "webhook"
    label = "Webhook"
    channels = frozenset({"webhook"})

    def connect(self, account: AccountConfig) -> Connection:
        return WebhookConnection(provider=self, account=account)

    def window_of(self, options: Mapping[str, Any]) -> timedelta | None:
        seconds = _number(options, "key_window_seconds", 0.0)
        return timedelta(seconds=seconds) if seconds > 0 else None

    def looks_up(self, options: Mapping[str, Any]) -> bool:
        return bool(options.get("lookup_url"))


class WebhookConnection(Connection):
    """Nothing is kept open between two calls."""

    def __init__(self, *, provider: Provider, account: AccountConfig) -> None:
        super().__init__(provider=provider, account=account)
        self._line: Line | None = None

    def open(self, act: Act) -> None:
        self.close()
        self._line = self._connect(act.content()["url"])

    def send(self, act: Act) -> Receipt:
        """One call. A definite answer is believed; no answer, and 5xx but for 501, 503 and 505, leave it open."""
        payload = act.content()
        body = None if payload.get("json") is None else _as_bytes(payload["json"])
        try:
            with self._line_to(payload["url"]) as line:
                answer = self._ask(line, method=payload["method"], body=body, key=act.idempotency_key)
        except BrokenOff as wrong:
            raise Ambiguous(f"No answer came ({wrong}); it may have been taken.") from wrong
        said = _said(answer)
        if 200 <= answer.status < 300:
            return Receipt(response=said, wire_digest=hashlib.sha256(body or b"").hexdigest())
        raise _meaning_of(answer, said=said, is_keyed=self.key_window is not None)

    def find(self, act: Act) -> Receipt | Unknown | None:
        """Ask `lookup_url`. Raises Transient where it does not answer."""
        url = str(self.account.options["lookup_url"]).replace("{id}", quote(act.idempotency_key, safe=""))
        try:
            with Line(url=url, connect_timeout=self._seconds("connect_timeout", 10.0)) as line:
                answer = self._ask(line, method="GET", body=None, key=act.idempotency_key)
        except (Unreached, BrokenOff) as wrong:
            raise Transient(f"The look-up does not answer ({type(wrong).__name__}).") from wrong
        if answer.status == 404:
            return None
        return Receipt(response=f"looked up: {_said(answer)}") if answer.status == 200 else UNKNOWN

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _line_to(self, url: str) -> Line:
        """The one opened ahead, now the caller's to close, or a new one."""
        line, self._line = self._line, None
        if line is not None and line.url != url:
            line.close()  # opened for an act that was not performed
            line = None
        if line is None:
            return self._connect(url)
        if line.is_gone:
            line.close()
            raise Stale("The server hung up before it was asked. Nothing was sent.")
        return line

    def _connect(self, url: str) -> Line:
        try:
            return Line(url=url, connect_timeout=self._seconds("connect_timeout", 10.0))
        except Unreached as wrong:
            raise (Permanent if wrong.for_good else Transient)(wrong.detail) from wrong

    def _ask(self, line: Line, *, method: str, body: bytes | None, key: str) -> Answer:
        headers = {"User-Agent": "Countersign", "Accept": "application/json", "Idempotency-Key": key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.account.password:
            headers.update(signature(secret=self.account.password, key=key, at=int(time.time()), body=body or b""))
        timeout = self._seconds("answer_timeout", 30.0)
        return line.request(method=method, headers=headers, body=body, answer_timeout=timeout)

    def _seconds(self, option: str, default: float) -> float:
        return _number(self.account.options, option, default)


def signature(*, secret: str, key: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`. at: seconds since 1970, UTC.

    Raises Misconfigured where the secret starts with `whsec_` and is not base64 after it.
    """
    raw = secret.encode()
    if secret.startswith("whsec_"):
        try:
            raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as wrong:
            raise Misconfigured("The signing secret is not base64 after whsec_. Enter it again.") from wrong
    signed = hmac.digest(raw, b"%s.%d.%s" % (key.encode(), at, body), "sha256")
    return {
        "webhook-id": key,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _as_bytes(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _meaning_of(answer: Answer, *, said: str, is_keyed: bool) -> Exception:
    """RFC 9110: which statuses say that nothing was done."""
    status = answer.status
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        wait = _retry_after(answer.headers.get("retry-after", ""))
        return Transient(f"It asks for a pause: {said}", code=status, retry_after=wait)
    if status in (408, 425, 503):
        return Transient(f"It is not ready: {said}", code=status)
    if 300 <= status < 400:
        return Permanent(f"It redirects, which is not followed: {said}", code=status)
    if status == 409 and is_keyed:
        # draft-ietf-httpapi-idempotency-key-header: an earlier try under this key is still under way.
        return Ambiguous(f"An earlier try is still under way: {said}", code=status)
    if status >= 500 and status not in (501, 505):
        return Ambiguous(f"It broke while at it: {said}", code=status)
    return Permanent(f"It refused: {said}", code=status)


def _said(answer: Answer) -> str:
    text = answer.body[:200].decode("utf-8", "replace")
    words = "".join(c if c.isprintable() else " " for c in text).strip()
    return f"{answer.status} {words}".strip()


def _retry_after(value: str) -> float:
    """Seconds; RFC 9110 10.2.3 allows a number or a date. A minute where it says neither, an hour at most."""
    if value.strip().isdigit():
        return min(float(value), 3_600.0)
    try:
        return min(max(parsedate_to_datetime(value).timestamp() - time.time(), 1.0), 3_600.0)
    except ValueError:
        return 60.0


def _number(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Misconfigured(f"The account's option {name} must be a number of seconds.")
    return float(value)
