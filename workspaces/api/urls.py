"""The addresses of this app's API, below /api/v1/."""

from django.urls import path

from workspaces.api import settings

urlpatterns = [
    path("me", settings.MeView.as_view(), name="me"),
    path("settings", settings.SettingsView.as_view(), name="settings"),
    path("settings/<str:key>", settings.SettingView.as_view(), name="setting"),
]
