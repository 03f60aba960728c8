from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = "Campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import alert_kinds, checks, receivers  # noqa: F401  (registers kinds, checks and receivers)
        from campaigns.agent_channel import AGENT, AgentProvider
        from campaigns.retention import RUNS
        from execution.channels import registry as channels
        from execution.providers import registry as providers
        from execution.services import clearing

        # Its work lies above the engine, so it is registered from here.
        channels.register(AGENT)
        providers.register(AgentProvider())
        clearing.register(RUNS)
