"""How unfold's lists and forms look: the console's own colours (static/console/shell.css has the same)."""

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static

if TYPE_CHECKING:  # the settings import this, and all of Django's models would come with it
    from django.http import HttpRequest


def _file(name: str) -> Any:
    def address(request: "HttpRequest") -> str:
        return static(name)

    return address


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Countersign",
    "SITE_HEADER": "Countersign",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [_file("console/shell.css"), _file("console/lists.css")],
    "SCRIPTS": [_file("console/shell.js")],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("console/mark.svg")}],
    "COLORS": {
        "base": {
            "50": "#f7f7fa",
            "100": "#eeeef4",
            "200": "#e1e2ea",
            "300": "#c9cbd8",
            "400": "#9a9db0",
            "500": "#6a6e83",
            "600": "#4a4e62",
            "700": "#363a4c",
            "800": "#232636",
            "900": "#151724",
            "950": "#0d0e18",
        },
        "primary": {
            "50": "#eef0ff",
            "100": "#e0e4ff",
            "200": "#c6ccff",
            "300": "#a3abfd",
            "400": "#8187f7",
            "500": "#6466ee",
            "600": "#4f46e0",
            "700": "#4338c4",
            "800": "#37309e",
            "900": "#312d7c",
            "950": "#1e1b4b",
        },
    },
}
