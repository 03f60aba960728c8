"""The console in a real browser: from the keyboard, in bulk, stopped, and fed with hostile text."""

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, FilePayload, expect

from tests.browser.looking import Visit, visit
from tests.support.processes import wait_until

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script><svg onload=alert(1)>"


def propose(demo: dict[str, Any], **payload: str) -> dict[str, Any]:
    """An email proposed by the demo's service, as a client of the API does it."""
    body = {"channel": "email", "to": "reader@office.example", "payload": {"subject": "Hello", "text": "Hi", **payload}}
    request = urllib.request.Request(  # noqa: S310  (the demo's own address)
        f"{demo['base_url']}/api/v1/execution/requests",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {demo['services']['agent']['token']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return dict(json.load(answer))


def at_the_queue(chromium: Browser, demo: dict[str, Any], query: str, **how: Any) -> Visit:
    seen = visit(browser=chromium, demo=demo, who="approver", **how)
    seen.go(f"/w/demo/admin/queue/?scope=all&q={query}")
    return seen


def test_it_moves_and_approves_from_the_keyboard(chromium: Browser, demo: dict[str, Any]) -> None:
    for number in (1, 2):
        propose(demo, subject=f"Keyboard {number}")
    seen = at_the_queue(chromium, demo, "Keyboard")
    rows = seen.page.locator("[data-row]")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("data-current", "")
    seen.page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("data-current", "")
    expect(seen.page.locator("[data-peek]")).to_contain_text("Keyboard 2")
    seen.page.keyboard.press("a")
    expect(rows.nth(1)).to_contain_text("Approved")
    assert seen.faults == []


def test_a_key_held_down_decides_once(chromium: Browser, demo: dict[str, Any]) -> None:
    for number in (1, 2):
        propose(demo, subject=f"Heldkey {number}")
    seen = at_the_queue(chromium, demo, "Heldkey")
    posts: list[str] = []
    seen.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    expect(seen.page.locator("[data-peek]")).to_contain_text("Heldkey 1")
    seen.page.keyboard.down("a")
    expect(seen.page.locator("[data-row]").nth(0)).to_contain_text("Approved")
    expect(seen.page.locator("[data-peek]")).to_contain_text("Heldkey 2")
    seen.page.keyboard.down("a")  # the keyboard repeats it
    seen.page.keyboard.up("a")
    seen.page.keyboard.press("x")
    expect(seen.page.locator("[data-picked]")).to_have_text("1")
    assert (len(posts), seen.faults) == (1, [])


def test_it_rejects_with_a_reason_asked_for(chromium: Browser, demo: dict[str, Any]) -> None:
    propose(demo, subject="Rejectable")
    seen = at_the_queue(chromium, demo, "Rejectable")
    expect(seen.page.locator("[data-peek]")).to_contain_text("Rejectable")
    seen.page.keyboard.press("r")
    seen.page.get_by_label("Reason").last.fill("Too long.")
    seen.page.locator("[data-reason-go]").click()
    expect(seen.page.locator("[data-row]").first).to_contain_text("Rejected")
    assert seen.faults == []


def test_it_decides_on_several(chromium: Browser, demo: dict[str, Any]) -> None:
    for number in range(3):
        propose(demo, subject=f"Bulky {number}")
    seen = at_the_queue(chromium, demo, "Bulky")
    for box in seen.page.locator("[data-row] input[type=checkbox]").all():
        box.check()
    expect(seen.page.locator("[data-picked]")).to_have_text("3")
    seen.page.locator("[data-bulk] button[value=approve]").click()
    expect(seen.page.locator(".cs-row__said[data-ok=true]")).to_have_count(3)
    assert seen.faults == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_one_thing_stand_in_every_size_and_theme(
    chromium: Browser, demo: dict[str, Any], width: int, theme: str
) -> None:
    seen = visit(browser=chromium, demo=demo, who="owner", width=width, theme=theme)
    lists = ["execution/executionrequest", "execution/executionplan", "execution/policyversion", "contacts/contact"]
    lists += ["execution/gatedefinition", "execution/limit", "workspaces/auditentry", "campaigns/campaign"]
    broken = {}
    for path in lists:
        seen.go(f"/w/demo/admin/{path}/")
        link = seen.page.locator("#result_list a[href*='/change/']").first.get_attribute("href")
        assert link is not None, path
        seen.go(link)
        problems = [*seen.faults, *([f"{seen.overflow()} px too wide"] if seen.overflow() else [])]
        if problems or seen.inline_scripts():
            broken[path] = problems
        seen.faults.clear()
    assert broken == {}


def test_hostile_text_stays_text(chromium: Browser, demo: dict[str, Any]) -> None:
    found = propose(demo, subject=f"Hostile {HOSTILE}"[:400], text=HOSTILE, html=f"<p>{HOSTILE}</p>")
    seen = visit(browser=chromium, demo=demo, who="approver")
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    seen.page.on("dialog", note)
    for path in (
        "queue/?scope=all&q=Hostile",
        f"execution/executionrequest/{found['id']}/change/",
        "execution/executionrequest/?q=Hostile",
        "",
    ):
        seen.go(f"/w/demo/admin/{path}")
        assert seen.page.title() != "owned", path
    assert (dialogs, seen.faults) == ([], [])


def test_it_stops_and_goes_on(chromium: Browser, demo: dict[str, Any]) -> None:
    seen = visit(browser=chromium, demo=demo, who="approver")
    other_tab = visit(browser=chromium, demo=demo, who="approver")
    other_tab.go("/w/demo/admin/")
    seen.go("/w/demo/admin/execution/executionrequest/")  # a page of unfold's
    seen.page.get_by_text("Stop", exact=True).click()
    seen.page.get_by_label("Why").fill("A drill")
    seen.page.get_by_role("button", name="Stop now").click()
    expect(seen.page.locator("#cs-holds")).to_contain_text("A drill")
    expect(other_tab.page.locator("#cs-holds")).to_contain_text("A drill")  # told by its pulse
    seen.page.locator("#cs-holds").get_by_text("Release", exact=True).first.click()
    seen.page.get_by_label("Why it is safe again").fill("The drill is over")
    seen.page.locator("#cs-holds button").click()
    expect(seen.page.locator("#cs-holds")).not_to_contain_text("A drill")
    assert (seen.faults, other_tab.faults) == ([], [])


def test_it_keeps_the_colours_one_chose(chromium: Browser, demo: dict[str, Any]) -> None:
    seen = visit(browser=chromium, demo=demo, who="viewer", theme="light")
    seen.go("/w/demo/admin/")
    seen.page.locator(".cs-who > summary").click()
    seen.page.locator("[data-theme-choice=dark]").click()
    for path in ("/w/demo/admin/queue/", "/w/demo/admin/contacts/contact/"):
        seen.go(path)
        expect(seen.page.locator("html")).to_have_class("dark")
    assert seen.faults == []


def test_it_starts_a_campaign_from_a_file_of_one_s_own(chromium: Browser, demo: dict[str, Any]) -> None:
    seen = visit(browser=chromium, demo=demo, who="author")
    seen.go("/w/demo/admin/campaigns/campaign/add/")
    seen.page.fill("[name=name]", "River clean-up")
    seen.page.fill("[name=goal]", "Win the town's offices for the river clean-up in May.")
    seen.page.get_by_role("button", name="Save").click()
    seen.page.wait_for_url("**/change/")
    people = "name,email,role\nMara Lund,mara@town.example,River officer\nTom Reyes,tom@parks.example,Parks lead\n"
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=people.encode())
    seen.page.set_input_files("[name=file]", files=file)
    seen.page.get_by_role("button", name="Start the agent").click()
    seen.page.wait_for_url("**/runs/**")
    expect(seen.page.get_by_text("Review what it proposed")).to_be_visible(timeout=30_000)
    seen.page.get_by_text("Review what it proposed").click()
    expect(seen.page.locator("main")).to_contain_text("mara@town.example")
    assert seen.faults == []


def test_it_follows_what_is_in_flight_without_loading_again(chromium: Browser, demo: dict[str, Any]) -> None:
    seen = visit(browser=chromium, demo=demo, who="approver")
    seen.go("/w/demo/admin/")
    waiting = seen.page.locator(".cs-figure [data-pulse=waiting]")
    before = int(waiting.inner_text())
    propose(demo, subject="Counted")
    wait_until(lambda: int(waiting.inner_text()) == before + 1, what="the dashboard's number")
    assert seen.faults == []
