"""A demo of its own, on SQLite, as `make run` serves it, and a Chromium that looks at it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, sync_playwright

from config.keys import free_port
from tests.support.processes import manage_environment, running_manage, wait_until

# Without these, Chromium looks for its maker's hosts at every start.
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `seed_demo --json` prints of a running demo, and where its mail is caught."""
    folder = tmp_path_factory.mktemp("browser")
    environment = manage_environment(
        f"sqlite:///{folder / 'db.sqlite3'}", folder / "var", DEMO="true", PORT=str(free_port())
    )
    for words in (("migrate", "-v0"), ("seed_demo",)):
        with running_manage(*words, environment=environment, log=folder / words[0]) as command:
            assert command.wait() == 0, command.output()
    with running_manage("up", "--workers", "2", environment=environment, log=folder / "up") as up:
        seeded = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "seed_demo", "--json"]
        told = json.loads(subprocess.check_output(seeded, env={**os.environ, **environment}))
        base = f"http://127.0.0.1:{environment['PORT']}"
        wait_until(lambda: up.process.poll() is not None or _ready(base), what="the demo")
        yield {**told, "base_url": base, "mail": folder / "var" / "mail"}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser that `make browser` found."""
    path = os.environ.get("CHROMIUM")
    if not path:
        pytest.fail("Run these tests with `make browser`, or set CHROMIUM=/path/to/chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_QUIET)
        yield browser
        browser.close()


def _ready(base: str) -> bool:
    from tests.browser.looking import answers

    return answers(f"{base}/readyz")
