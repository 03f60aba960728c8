"""Handing messages to the process that calls Apprise (apprise_process.py), and reading what became of each."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from execution.alerts.addresses import SCHEMES, scheme_of

ANSWER_WITHIN = 40  # seconds for all messages of one call; a delivery's lease is longer
_HERE = Path(__file__).resolve().parent
# Certificates may lie elsewhere; proxies are left out, since behind one nobody could tell where a connection leads.
_PASSED_ON = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one URL. `id` is the caller's own; `severity` info, warning or critical."""

    id: str
    url: str
    title: str
    body: str
    severity: str


def problem_with(url: str) -> str:
    """What is wrong with an Apprise URL, in words for its form; "" where it can be used."""
    scheme = scheme_of(url)
    if scheme not in SCHEMES:
        return f"Write an Apprise URL that begins with one of: {', '.join(sorted(SCHEMES))}."
    if any(ord(letter) < 33 for letter in url):
        return "A URL has no spaces or line breaks."
    answers = _run({"check": url})
    return "" if answers and answers[0]["ok"] else f"Apprise does not understand this {scheme} URL."


def send(messages: Sequence[Message]) -> dict[str, str]:
    """Send each, at most once; answers id -> what went wrong, "" where it went out."""
    outcome = {m.id: f"URLs of the kind {scheme_of(m.url)} are not allowed." for m in messages}
    allowed = [m for m in messages if scheme_of(m.url) in SCHEMES]
    if not allowed:
        return outcome
    outcome.update(dict.fromkeys([m.id for m in allowed], f"No answer within {ANSWER_WITHIN} seconds."))
    order = [{"id": m.id, "url": m.url, "title": m.title, "body": m.body, "severity": m.severity} for m in allowed]
    for answer in _run({"allow_private": settings.ALERT_ALLOW_PRIVATE, "messages": order}):
        outcome[answer["id"]] = "" if answer["ok"] else answer["error"]
    return outcome


def _run(order: dict[str, Any]) -> list[dict[str, Any]]:
    """The process's answers, as far as they came in time. URLs go by its input: arguments are seen by everybody."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(_HERE / "apprise_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        text=True,
    )
    try:
        told, _ = process.communicate(json.dumps({"folder": str(_HERE), **order}), timeout=ANSWER_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        told, _ = process.communicate()
    return [json.loads(line) for line in told.splitlines() if line.endswith("}")]
