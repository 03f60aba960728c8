"""Looking at pages as a person does, and noticing what a person would not forgive."""

import http.client
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page


@dataclass(kw_only=True)
class Visit:
    """A page in one size and theme, with everything that went wrong on it."""

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open an address of the demo and let it come to rest."""
        self.page.goto(self.base + path)
        self.page.wait_for_load_state("networkidle")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width

    def inline_scripts(self) -> int:
        """How many scripts stand in the page itself."""
        return self.page.locator("script:not([src]):not([type='application/json'])").count()


def visit(*, browser: Browser, demo: dict[str, Any], who: str, width: int = 1440, theme: str = "light") -> Visit:
    """Log in as one of the demo's people."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    found = Visit(page=page, base=demo["base_url"])
    page.on("console", lambda message: found.faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.faults.append(str(error)))
    ours = urlsplit(found.base).netloc
    page.on(
        "request",
        lambda request: (
            found.faults.append(f"asked {request.url}")
            if urlsplit(request.url).scheme in ("http", "https") and urlsplit(request.url).netloc != ours
            else None
        ),
    )
    found.go("/")
    person = demo["users"][who]
    page.fill("input[name=username]", person["username"])
    page.fill("input[name=password]", person["password"])
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/w/**")
    return found


def answers(url: str) -> bool:
    """Whether an address answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
