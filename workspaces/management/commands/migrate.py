from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand

from workspaces.audit.triggers import restore_triggers


class Command(MigrateCommand):
    """Django's own, which first puts back the triggers of the audit log.

    Without that the check that misses them would stop the command that restores them.
    """

    def check(self, *args: Any, **kwargs: Any) -> None:
        for alias in kwargs.get("databases") or []:
            restore_triggers(using=alias)
        super().check(*args, **kwargs)
