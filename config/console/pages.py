"""Every page of the console that is not a list of unfold's; one readable table."""

from django.urls import URLPattern, path

from config.console.dashboard import pulse
from execution.admin import catcher_pages, notifications, overdue, queue, restored, retention, snapshots, uncertain
from workspaces.admin import settings_page


def own_pages() -> list[URLPattern]:
    """The addresses below /admin/ that stand before the lists' own."""
    return [
        path("queue/", queue.queue, name="queue"),
        path("queue/decide/", queue.decide_many, name="queue_decide"),
        path("queue/<uuid:object_id>/", queue.peek, name="queue_peek"),
        path("uncertain/", uncertain.uncertain, name="uncertain"),
        path("uncertain/settle/", uncertain.settle_many, name="uncertain_settle"),
        path("snapshots/<uuid:object_id>/", snapshots.snapshots, name="snapshots"),
        path("overdue/", overdue.overdue, name="overdue"),
        path("overdue/decide/", overdue.decide_many, name="overdue_decide"),
        path("restored/", restored.restored, name="restored"),
        path("retention/", retention.retention, name="retention"),
        path("notifications/", notifications.notifications, name="notifications"),
        path("notifications/read/", notifications.read_all, name="notifications_read"),
        path("notifications/<uuid:object_id>/open/", notifications.open_notification, name="notification_open"),
        path("catcher/", catcher_pages.catcher, name="catcher"),
        path("catcher/<str:name>/", catcher_pages.caught, name="caught"),
        path("catcher/<str:name>/preview/", catcher_pages.caught_preview, name="caught_preview"),
        path("settings/", settings_page.settings_page, name="settings"),
        path("pulse/", pulse, name="pulse"),
    ]
