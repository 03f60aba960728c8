"""What the console shows as lists: importing this registers them (config/console/apps.py)."""

from execution.admin import accounts, alerts, gates, holds, limits, plans, policies, requests, templates

__all__ = ["accounts", "alerts", "gates", "holds", "limits", "plans", "policies", "requests", "templates"]
