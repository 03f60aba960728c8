"""The documentation says what is: links lead somewhere, commands and settings exist."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MANAGE = re.compile(r"manage\.py ([a-z_]+)")
MAKE = re.compile(r"`make ([a-z]+)")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
CODE_FILE = re.compile(r"`((?:workspaces|contacts|execution|campaigns|config|tests|requirements|templates)/[\w./-]+)`")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_its_links_lead_to_files(page: Path) -> None:
    missing = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_files_it_names_are_there(page: Path) -> None:
    named = [path for path in CODE_FILE.findall(page.read_text()) if "NAME" not in path]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_it_names_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MANAGE.findall(text)) <= set(get_commands())
    assert set(MAKE.findall(text)) <= targets


def test_the_example_environment_lists_every_variable_that_is_read() -> None:
    read = set(re.findall(r'(?:env\.\w+|_secret|_path)\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    listed = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    # Read before .env is, so it cannot stand in one.
    assert read - listed - {"READ_DOT_ENV"} == set()
