"""What a person does on the first day: log in, read, approve, find it sent; and looks at every page."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.looking import visit
from tests.support.processes import wait_until

pytestmark = pytest.mark.browser

PAGES = [
    "/admin/",
    "/admin/queue/",
    "/admin/execution/executionplan/",
    "/admin/execution/executionrequest/",
    "/admin/execution/alert/",
    "/admin/campaigns/campaign/",
    "/admin/campaigns/campaign/add/",
    "/admin/campaigns/task/",
    "/admin/contacts/contact/",
    "/admin/contacts/organisation/",
    "/admin/contacts/suppression/",
    "/admin/execution/policyversion/",
    "/admin/execution/gatedefinition/",
    "/admin/execution/hold/",
    "/admin/execution/limit/",
    "/admin/execution/messagetemplate/",
    "/admin/execution/provideraccount/",
    "/admin/execution/provideraccount/add/",
    "/admin/settings/",
    "/admin/workspaces/membership/",
    "/admin/workspaces/token/",
    "/admin/workspaces/auditentry/",
    "/admin/catcher/",
    "/admin/uncertain/",
    "/admin/overdue/",
    "/admin/restored/",
    "/admin/retention/",
    "/admin/notifications/",
    "/admin/execution/sendwindow/",
    "/admin/execution/sendwindow/add/",
    "/admin/execution/alertroute/",
    "/admin/execution/alertroute/add/",
    "/admin/execution/escalationstep/",
]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_stands_in_every_size_and_theme(
    chromium: Browser, demo: dict[str, Any], width: int, theme: str
) -> None:
    seen = visit(browser=chromium, demo=demo, who="owner", width=width, theme=theme)
    broken = {}
    for path in PAGES:
        seen.go(f"/w/demo{path}")
        problems = [*seen.faults, *([f"{seen.overflow()} px too wide"] if seen.overflow() else [])]
        if problems:
            broken[path] = problems
        seen.faults.clear()
    assert broken == {}


@pytest.mark.parametrize("path", ["/admin/", "/admin/queue/"])
def test_pages_of_our_own_hold_no_script(chromium: Browser, demo: dict[str, Any], path: str) -> None:
    seen = visit(browser=chromium, demo=demo, who="approver")
    seen.go(f"/w/demo{path}")
    assert seen.inline_scripts() == 0


def test_what_is_approved_arrives_and_is_on_record(chromium: Browser, demo: dict[str, Any]) -> None:
    before = caught(demo)
    seen = visit(browser=chromium, demo=demo, who="approver")
    seen.go("/w/demo/admin/queue/")
    seen.page.get_by_role("link", name="Open").first.click()
    seen.page.wait_for_load_state("networkidle")
    heading = seen.page.title()
    seen.page.get_by_role("button", name="Approve").first.click()
    seen.page.wait_for_load_state("networkidle")
    wait_until(lambda: len(caught(demo)) == len(before) + 1, what="the mail")
    seen.go("/w/demo/admin/catcher/")
    expect(seen.page.locator("main")).to_contain_text("The Clean Grid Act")
    seen.go("/w/demo/admin/workspaces/auditentry/")
    expect(seen.page.locator("body")).to_contain_text("human:approver approved")
    assert (seen.faults, bool(heading)) == ([], True)


def test_a_viewer_is_shown_no_way_to_decide(chromium: Browser, demo: dict[str, Any]) -> None:
    seen = visit(browser=chromium, demo=demo, who="viewer")
    seen.go("/w/demo/admin/queue/?scope=all")
    assert seen.page.get_by_role("button", name="Approve").count() == 0


def caught(demo: dict[str, Any]) -> list[Path]:
    return sorted(Path(demo["mail"]).glob("*.eml"))
