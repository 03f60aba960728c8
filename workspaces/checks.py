"""System checks of this app; each hint names what to run or set."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from workspaces.audit.triggers import missing_triggers


@register(Tags.database)
def audit_is_append_only(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The triggers that forbid changing the audit log are in place (checked with `check --database default`)."""
    problems: list[CheckMessage] = []
    for alias in databases or []:
        if missing := missing_triggers(connections[alias]):
            problems.append(
                Error(
                    f"The audit log of “{alias}” can be changed: missing {', '.join(missing)}.",
                    hint="Run manage.py migrate, which puts the triggers back.",
                    id="workspaces.E001",
                )
            )
    return problems
