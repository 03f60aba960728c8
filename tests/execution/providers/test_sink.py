"""The sink itself, as a process of its own: what it acknowledged is in its log."""

import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from execution.providers.base import AccountConfig
from execution.providers.errors import Ambiguous
from execution.providers.smtp import SmtpProvider
from tests.execution.providers.conversing import mail

ROOT = Path(__file__).resolve().parents[3]
DROP = {"at": "content", "do": "drop", "accept": True, "recipient": "*@drop.example"}


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[int, Path, subprocess.Popen[str]]]:
    log = tmp_path / "sink.jsonl"
    command = [sys.executable, "-m", "tests.support.smtp_sink", "--log", str(log), "--rule", json.dumps(DROP)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"], log, process
        process.kill()


def test_what_it_acknowledged_or_dropped_is_in_its_log(sink: tuple[int, Path, subprocess.Popen[str]]) -> None:
    port, log, process = sink
    with SmtpProvider().connect(AccountConfig(provider="smtp", host="127.0.0.1", port=port)) as connection:
        receipt = connection.perform(mail(number=1))
        with pytest.raises(Ambiguous):
            connection.perform(mail("who@drop.example", number=2))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    entries: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["message_id"] for entry in entries] == ["<1@example.org>", "<2@example.org>"]
    assert [entry["recipients"] for entry in entries] == [["office@senate.example"], ["who@drop.example"]]
    assert entries[0]["sha256"] == receipt.wire_digest


def test_it_tells_its_counts_and_ends_on_sigterm(sink: tuple[int, Path, subprocess.Popen[str]]) -> None:
    port, _, process = sink
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.net", "c@example.net"], b"Subject: x\r\n\r\n.y\r\n")
        _, counts = client.docmd("XSTATS")
    assert json.loads(counts) | {"received_chunks": 0} == {
        "connections": 1,
        "open": 1,
        "most_open": 1,
        "messages": 1,
        "recipients": 2,
        "received_chunks": 0,
    }
    process.terminate()
    assert process.wait(10) == 0
