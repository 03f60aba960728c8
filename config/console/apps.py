"""Puts the console in the place of Django's admin."""

from django.contrib.admin.apps import SimpleAdminConfig


class ConsoleAdminConfig(SimpleAdminConfig):
    """Makes the console the admin site. What it shows is registered by config/urls.py, for the web alone: workers and
    commands start a second sooner without it.
    """

    default_site = "config.console.site.ConsoleAdminSite"
