"""`make run`: what is missing for a demo is set, the database is brought up to date and filled, everything started."""

import os
import sys
from collections.abc import MutableMapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config.keys import KEY_FILES, make_keys

_BASE_DIR = Path(__file__).resolve().parent.parent
_DEMO = {"DEMO": "true", "AGENT_DRY_RUN": "false", "ENABLE_AUTO_EXECUTION": "true"}


class Refused(Exception):
    """The environment is not one that a demo may run in."""


def _is_true(value: str) -> bool:
    return value.lower() in environ.Env.BOOLEAN_TRUE_STRINGS


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def prepare(environment: MutableMapping[str, str], *, base_dir: Path = _BASE_DIR) -> None:
    """Set in `environment` what it and `.env` leave unset, and make missing keys under VAR_DIR.

    Where DEMO is false nothing is loosened: only the keys are made. Raises Refused for a demo that would send for real.
    """
    if (base_dir / ".env").is_file() and _is_true(environment.get("READ_DOT_ENV", "true")):

        class DotEnv(environ.Env):
            ENVIRON = environment

        DotEnv.read_env(base_dir / ".env")
    if _is_true(environment.get("DEMO", "true")):
        for name, value in _DEMO.items():
            environment.setdefault(name, value)
        email_url = environment.get("EMAIL_URL", "")
        if email_url and not _is_loopback(email_url) and environment.get("LIVE") != "1":
            raise Refused(
                f"This would be a demo that sends real mail through {urlsplit(email_url).hostname}. Unset EMAIL_URL to "
                "catch its mail here, or say LIVE=1 if you mean it."
            )
    var_dir = Path(environment.get("VAR_DIR") or base_dir / "var").resolve()
    make_keys(var_dir, names={name for name in KEY_FILES if not environment.get(name)})


def main() -> None:
    try:
        prepare(os.environ)
    except Refused as error:
        sys.exit(f"countersign: {error}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command, get_commands

    django.setup()
    from django.conf import settings

    call_command("migrate", verbosity=0)
    if settings.DEMO and "seed_demo" in get_commands():
        call_command("seed_demo", verbosity=0)
    # A process of its own in our place: the supervisor needs nothing of what was loaded here.
    os.execv(sys.executable, [sys.executable, str(_BASE_DIR / "manage.py"), "up"])


if __name__ == "__main__":
    main()
