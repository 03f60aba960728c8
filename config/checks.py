"""System checks of the installation as a whole; each hint names what to set."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from workspaces.durability import forgetfulness

Apps = Sequence[AppConfig] | None


@register(Tags.database)
def commits_are_durable(app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """PostgreSQL does not say “committed” before it is on the disk: a forgotten mark would be a second send."""
    problems: list[CheckMessage] = []
    for alias in databases or []:
        found = forgetfulness(using=alias)
        if found:
            problems.append(
                Error(
                    f"“{alias}” may forget commits: {found}.",
                    hint="Set both to on, for the server or for this database's role.",
                    id="config.E001",
                )
            )
    return problems


@register(Tags.security)
def credentials_keys_are_keys(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Each of CREDENTIALS_KEY can encrypt."""
    for number, key in enumerate(settings.CREDENTIALS_KEY, start=1):
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    f"Key {number} of CREDENTIALS_KEY is not a Fernet key.",
                    hint="Make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key())'",
                    id="config.E002",
                )
            ]
    return []


@register(Tags.security)
def numbers_make_sense(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Numbers from the environment are ones that the engine can work with."""
    least = {
        "CLUSTER_WORKERS": 1,
        "ENGINE_LANES": 1,
        "EXECUTION_POLL_MINUTES": 1,
        "LEASE_SECONDS": 1,
        "OTHER_HOST_SECONDS": 0,
        "SHUTDOWN_GRACE_SECONDS": 1,
        "WEB_THREADS": 1,
    }
    return [
        Error(f"{name} is {getattr(settings, name)}.", hint=f"Set it to {low} or more.", id="config.E003")
        for name, low in least.items()
        if getattr(settings, name) < low
    ]


@register(Tags.security, deploy=True)
def is_no_demo(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """What a demo may do without, an installation that others rely on may not."""
    problems: list[CheckMessage] = []
    if settings.DEMO:
        problems.append(Warning("DEMO is on.", hint="Set DEMO=false: its logins are public.", id="config.W001"))
    if not settings.CREDENTIALS_KEY:
        problems.append(
            Warning("CREDENTIALS_KEY is not set: no provider account can be kept.", hint="Set it.", id="config.W002")
        )
    return problems
