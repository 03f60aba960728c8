"""System checks of this app; each hint names what to do."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from execution.providers import registry


@register()
def providers_can_be_loaded(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every path in the providers' table leads to a provider of that name."""
    return [
        Error(problem, hint="Mend the table in execution/providers/registry.py.", id="execution.E001")
        for problem in registry.problems()
    ]
