"""Where a message about an alert goes, as a delivery's row names it: without any address or token in it."""

import hashlib
from uuid import UUID

from django.conf import settings

MAIL = "mail"  # ALERT_EMAIL


def route_target(route_id: UUID | None) -> str:
    """One of the workspace's routes."""
    return f"route:{route_id}"


def person_target(principal_id: UUID | None) -> str:
    """A member, by mail."""
    return f"person:{principal_id}"


def env_targets() -> dict[str, str]:
    """ALERT_URLS, each under a name that tells nothing of it: target -> URL."""
    return {f"env:{hashlib.sha256(url.encode()).hexdigest()[:32]}": url for url in settings.ALERT_URLS if url}
