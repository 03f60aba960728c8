"""What the console shows as lists: importing this registers them (config/console/apps.py)."""

from contacts.admin import contacts, organisations, suppressions

__all__ = ["contacts", "organisations", "suppressions"]
