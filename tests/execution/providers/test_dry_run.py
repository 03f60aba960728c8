"""The dry-run log: one whole JSON object a line, whoever else writes, and nobody's address in the application's log."""

import json
import logging
import multiprocessing
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from execution.providers.dry_run import DryRunEntry, record

KEYS = [
    *["at", "workspace", "request", "plan", "channel", "provider", "to", "payload_digest", "summary", "would_send"],
    "checks",
]


def entry(**changed: Any) -> DryRunEntry:
    values: dict[str, Any] = {
        "at": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        "workspace": "demo",
        "request": "0190a1b2-0000-7000-8000-000000000001",
        "plan": None,
        "channel": "email",
        "provider": "smtp",
        "to": ["office@senate.example"],
        "payload_digest": "a" * 64,
        "summary": "Email: Énergie\u2028propre\n",
        "would_send": True,
        "checks": [{"name": "suppression", "ok": True, "detail": ""}],
    }
    return DryRunEntry(**(values | changed))


def test_each_act_is_a_json_object_on_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "var" / "dry-run-log.jsonl"
    record([entry(), entry(plan="p", would_send=False, provider="")], path=path)
    record([entry()], path=path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 3
    assert [list(line) for line in lines] == [KEYS] * 3
    assert lines[0] == {
        "at": "2026-03-02T09:30:00+00:00",
        "workspace": "demo",
        "request": "0190a1b2-0000-7000-8000-000000000001",
        "plan": None,
        "channel": "email",
        "provider": "smtp",
        "to": ["office@senate.example"],
        "payload_digest": "a" * 64,
        "summary": "Email: Énergie\u2028propre\n",
        "would_send": True,
        "checks": [{"name": "suppression", "ok": True, "detail": ""}],
    }


def test_it_says_so_in_the_applications_log_without_naming_anybody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        record([entry()], path=tmp_path / "log")
    (message,) = caplog.messages
    assert message.startswith("[DRY RUN] email request=0190a1b2-0000-7000-8000-000000000001")
    assert "senate.example" not in message
    assert "nergie" not in message


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    record([entry()], path=tmp_path / "log")
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def _write_many(path: Path, name: str) -> None:
    for _ in range(200):
        record([entry(workspace=name, summary="x" * 5_000)] * 2, path=path)


def test_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "log"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(path, name)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    found = [json.loads(line)["workspace"] for line in path.read_text().splitlines()]
    assert sorted(found) == ["a"] * 400 + ["b"] * 400 + ["c"] * 400
