"""The benchmarks work at all, and say truly what they found; how fast anything is, no test asserts."""

import json
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.installation import free_port, sink
from benchmarks.report import figure, percentile, reaches

ROOT = Path(__file__).resolve().parents[2]


def test_a_figure_is_the_median_of_the_rounds_with_their_spread() -> None:
    line = figure("name", [3.0, 1.0, 2.0], "s", target="< 2.5")
    assert line == {
        "name": "name",
        "value": 2.0,
        "unit": "s",
        "median": 2.0,
        "min": 1.0,
        "max": 3.0,
        "rounds": 3,
        "target": "< 2.5",
        "met": True,
    }


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(2.0, ">= 2", True), (1.9, ">= 2", False), (2.0, "<= 2", True), (2.0, "< 2", False), (1.9, "< 2", True)],
)
def test_a_target_is_met_or_missed(value: float, target: str, met: bool) -> None:
    assert reaches(value, target) is met


def test_a_target_without_a_known_word_is_refused() -> None:
    with pytest.raises(ValueError, match="A target is written"):
        reaches(1.0, "about 2")


@pytest.mark.parametrize(("share", "value"), [(0.95, 95), (0.5, 50), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    assert percentile(range(100, 0, -1), share) == value


def test_its_own_sink_takes_mail_and_tells_when_each_began(tmp_path: Path) -> None:
    log, port = tmp_path / "begun.txt", free_port()
    with sink(port=port, core=0, log=log), smtplib.SMTP("127.0.0.1", port) as session:
        for _ in range(2):
            assert session.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\ny\r\n") == {}
    first, second = (float(line) for line in log.read_text().splitlines())
    assert first < second


@pytest.mark.slow
def test_a_quick_run_prints_a_line_of_json_for_each_figure() -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "bulk"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    named = [line["name"] for line in lines]
    assert named == ["bulk.propose.100", "bulk.propose.100.cpu", "bulk.approve.100", "bulk.approve.100.cpu"]


def test_a_benchmark_that_is_not_there_is_refused_with_the_names_of_those_that_are() -> None:
    command = [sys.executable, "-m", "benchmarks", "speed"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "sending" in ran.stderr
