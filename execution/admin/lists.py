"""What the console shows as lists: importing this registers them (config/console/apps.py)."""

from execution.admin import (
    accounts,
    alert_routes,
    alerts,
    gates,
    holds,
    limits,
    plans,
    policies,
    requests,
    templates,
    windows,
)

__all__ = [
    "accounts",
    "alert_routes",
    "alerts",
    "gates",
    "holds",
    "limits",
    "plans",
    "policies",
    "requests",
    "templates",
    "windows",
]
