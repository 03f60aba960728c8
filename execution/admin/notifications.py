"""What a member is notified of: the list behind the bell, and reading it."""

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.services.notifications import mark_all_read, mark_read, notifications_of
from workspaces.admin.views import console_view, done, here, page
from workspaces.permissions import Permission

_SHOWN = 50


@console_view()
def notifications(request: HttpRequest) -> HttpResponseBase:
    """The newest first, a page at a time."""
    rows = notifications_of(workspace=here(request).workspace, actor=here(request).actor)
    number = _page_number(request)
    shown = list(rows[number * _SHOWN : (number + 1) * _SHOWN + 1])
    return page(
        request,
        "console/notifications.html",
        title="Notifications",
        notices=shown[:_SHOWN],
        older=number + 1 if len(shown) > _SHOWN else None,
        newer=number - 1 if number else None,
        unread=any(notice.read_at is None for notice in shown),
        may_be_notified=here(request).actor.may(Permission.HOLD),
    )


@console_view(methods=("POST",))
def open_notification(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Read one, and go to its alert."""
    notice = mark_read(workspace=here(request).workspace, actor=here(request).actor, notification_id=object_id)
    return HttpResponseRedirect(reverse("admin:execution_alert_change", args=[notice.alert_id]))


@console_view(methods=("POST",))
def read_all(request: HttpRequest) -> HttpResponseBase:
    """Read everything."""
    count = mark_all_read(workspace=here(request).workspace, actor=here(request).actor)
    done(request, f"{count} read." if count else "Nothing was unread.")
    return HttpResponseRedirect(reverse("admin:notifications"))


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "0")
    return min(int(text), 200) if text.isdecimal() and len(text) < 4 else 0
