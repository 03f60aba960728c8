"""System checks of this app; each hint names what to set."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from campaigns.agents.registry import problems
from campaigns.pricing import price_problems

EFFORTS = ("low", "medium", "high", "xhigh", "max")
Apps = Sequence[AppConfig] | None


@register()
def agents_can_be_loaded(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every agent of the table is there and is called what the table calls it."""
    return [Error(problem, hint="Correct campaigns/agents/registry.py.", id="campaigns.E001") for problem in problems()]


@register()
def models_can_be_paid_for(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """What the environment says of language models can be read."""
    found: list[CheckMessage] = [
        Error(f"LLM_PRICES: {problem}.", hint="Correct LLM_PRICES; .env.example shows its form.", id="campaigns.E002")
        for problem in price_problems(settings.LLM_PRICES)
    ]
    if settings.ANTHROPIC_EFFORT and settings.ANTHROPIC_EFFORT not in EFFORTS:
        found.append(
            Error(
                f"ANTHROPIC_EFFORT is “{settings.ANTHROPIC_EFFORT}”.",
                hint=f"Set it to one of {', '.join(EFFORTS)}, or leave it empty.",
                id="campaigns.E003",
            )
        )
    return found
