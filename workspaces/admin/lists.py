"""What the console shows as lists: importing this registers them (config/console/apps.py)."""

from workspaces.admin import audit_log, members, tokens

__all__ = ["audit_log", "members", "tokens"]
