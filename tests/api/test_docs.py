"""The API's pages: nothing from another host, nothing inline, under the strict policy."""

import re
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.test import Client


def test_the_pages_take_everything_from_here_and_nothing_inline(db):
    answer = Client().get("/api/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    assert "<style" not in page
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert urlsplit(address).netloc == "", address
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address


def test_the_script_of_the_pages_asks_for_our_schema(db):
    script = Client().get("/api/docs", {"script": ""})
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "/api/schema" in script.content.decode()


def test_the_pages_keep_the_workspace_of_their_address(db):
    page = Client().get("/w/demo/api/docs").content.decode()
    assert "/w/demo/api/docs?script=" in page
