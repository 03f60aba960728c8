from django.apps import AppConfig


class ExecutionConfig(AppConfig):
    name = "execution"
    verbose_name = "Execution"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from execution import audit_actions, checks, receivers  # noqa: F401  (registers actions, checks and receivers)
        from execution.alerts import causes  # noqa: F401  (registers the kinds of alerts)
