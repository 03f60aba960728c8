"""What the console shows as lists: importing this registers them (config/urls.py)."""

from campaigns.admin import campaigns, tasks

__all__ = ["campaigns", "tasks"]
