"""What only one module may import, read from the source: doors that everything must pass through stay single.

import-linter sees packages from outside as a whole; these rules name modules inside them, so they are read here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("workspaces", "contacts", "execution", "campaigns", "config")
# What is imported -> who may. Names match themselves and everything below them.
DOORS = {
    "anthropic": ["campaigns.llm"],
    "httpx2": ["execution.providers.http"],
    "apprise": ["execution.alerts.apprise_process"],
    "http.client": ["execution.providers.http"],
    "urllib.request": [],
    "smtplib": ["execution.providers.smtp_connect"],
    "django.core.mail": ["execution.providers.smtp"],
    "django_q.tasks": ["execution.queue"],
    "django_q.cluster": ["config.supervisor"],
}


def is_below(name: str, above: str) -> bool:
    return name == above or name.startswith(above + ".")


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> Iterator[tuple[str, Path]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


@pytest.mark.parametrize("door", DOORS)
def test_it_is_imported_by_its_one_module_only(door: str):
    importers = {
        module
        for module, path in modules()
        if any(is_below(name, door) for name in imported_names(path))
        and not any(is_below(module, allowed) for allowed in DOORS[door])
    }
    assert importers == set()


def test_a_function_that_decides_is_imported_by_no_module_of_campaigns():
    forbidden = (
        "execution.approval_manager",
        "execution.services.deciding",
        "execution.services.decisions",
        "execution.services.policies",
    )
    found = {
        (module, name)
        for module, path in modules()
        if is_below(module, "campaigns")
        for name in imported_names(path)
        if any(is_below(name, door) for door in forbidden)
    }
    assert found == set()
