"""The bell and the alerts' pages in a real browser: current without a reload, and fit for any window."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.looking import visit

pytestmark = pytest.mark.browser
PAGES = [
    "notifications/",
    "execution/alert/",
    "execution/alertroute/",
    "execution/alertroute/add/",
    "execution/escalationstep/",
    "execution/escalationstep/add/",
]


@pytest.fixture
def released_at_the_end(demo: dict[str, Any]) -> Iterator[None]:
    """The demo is shared: what this holds must not hold up the other tests."""
    yield
    release = urllib.request.Request(  # noqa: S310  (the demo's own address)
        f"{demo['base_url']}/api/v1/execution/release",
        data=json.dumps({"scope": "workspace:demo", "reason": "The test is over."}).encode(),
        headers={
            "Authorization": f"Bearer {demo['users']['owner']['token']}",
            "Content-Type": "application/json",
        },
    )
    urllib.request.urlopen(release, timeout=20).close()  # noqa: S310


def hold(page: Any) -> None:
    page.locator(".cs-kill > summary").click()
    page.fill(".cs-kill__box input[name=reason]", "A <b>mistake</b> in the list")
    page.locator(".cs-kill__box button").click()
    page.wait_for_load_state("networkidle")


def test_the_bell_rings_without_a_reload_and_leads_to_the_alert(
    chromium: Browser, demo: dict[str, Any], released_at_the_end: None
) -> None:
    seen = visit(browser=chromium, demo=demo, who="owner")
    hold(seen.page)
    badge = seen.page.locator(".cs-bell__count")
    expect(badge).not_to_have_attribute("data-count", "0", timeout=30_000)
    seen.page.locator(".cs-bell").click()
    first = seen.page.locator(".cs-notices__open").first
    expect(first).to_contain_text("A hold was set: workspace:demo")
    first.click()
    expect(seen.page.locator("main")).to_contain_text("A <b>mistake</b> in the list")
    expect(seen.page.locator("main")).to_contain_text("How it ends: The hold is released.")
    seen.page.get_by_role("button", name="I have seen it").click()
    seen.page.wait_for_load_state("networkidle")
    assert seen.faults == []


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_the_pages_fit_the_window_and_the_policy(
    chromium: Browser, demo: dict[str, Any], width: int, theme: str
) -> None:
    seen = visit(browser=chromium, demo=demo, who="owner", width=width, theme=theme)
    for path in PAGES:
        seen.go(f"/w/demo/admin/{path}")
        assert seen.overflow() <= 0, path
    assert seen.faults == []
