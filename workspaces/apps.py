from django.apps import AppConfig
from django.db.models import Field, ForeignObject
from django.db.models.signals import post_migrate


class WorkspacesConfig(AppConfig):
    name = "workspaces"
    verbose_name = "Workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from workspaces import checks, services, settings_store  # noqa: F401  (registers checks and audit actions)
        from workspaces.audit.triggers import restore_triggers
        from workspaces.bulk import Among
        from workspaces.installation import adopt_where_empty

        Field.register_lookup(Among)
        ForeignObject.register_lookup(Among)

        # SQLite drops triggers when it rebuilds a table, so they are put back after every migrate.
        post_migrate.connect(restore_triggers, sender=self, dispatch_uid="workspaces.audit.triggers")
        post_migrate.connect(adopt_where_empty, sender=self, dispatch_uid="workspaces.installation")
