"""The console's navigation: one readable table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from workspaces.actors import Actor
from workspaces.permissions import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One place to go. `badge` names a number of the pulse; `query` narrows a list that another entry shows whole."""

    title: str
    icon: str
    route: str
    query: str = ""
    right: Permission = Permission.VIEW
    badge: str = ""
    only_demo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An entry as one member sees it on one page."""

    title: str
    icon: str
    address: str
    active: bool
    badge: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    title: str
    items: Sequence[Item] = field(default_factory=tuple)


TABLE: dict[str, tuple[Entry, ...]] = {
    "": (
        Entry(title="Dashboard", icon="home", route="admin:index"),
        Entry(title="Queue", icon="inbox", route="admin:queue", badge="waiting"),
        Entry(title="Outcome unknown", icon="info", route="admin:uncertain", badge="uncertain"),
        Entry(title="Overdue", icon="clock", route="admin:overdue", badge="overdue"),
        Entry(title="Plans", icon="layers", route="admin:execution_executionplan_changelist"),
        Entry(title="Requests", icon="send", route="admin:execution_executionrequest_changelist"),
        Entry(
            title="History",
            icon="history",
            route="admin:execution_executionrequest_changelist",
            query="stage=settled",
        ),
        Entry(title="Alerts", icon="bell", route="admin:execution_alert_changelist", badge="alerts"),
    ),
    "Campaigns": (
        Entry(title="Campaigns", icon="flag", route="admin:campaigns_campaign_changelist"),
        Entry(title="Tasks", icon="check-list", route="admin:campaigns_task_changelist"),
    ),
    "People": (
        Entry(title="Contacts", icon="people", route="admin:contacts_contact_changelist"),
        Entry(title="Organisations", icon="building", route="admin:contacts_organisation_changelist"),
        Entry(title="Suppressions", icon="block", route="admin:contacts_suppression_changelist"),
    ),
    "Rules": (
        Entry(title="Policies", icon="rules", route="admin:execution_policyversion_changelist"),
        Entry(title="Gates", icon="gate", route="admin:execution_gatedefinition_changelist"),
        Entry(title="Holds", icon="stop", route="admin:execution_hold_changelist", badge="holds"),
        Entry(title="Limits", icon="gauge", route="admin:execution_limit_changelist"),
        Entry(title="Hours", icon="clock", route="admin:execution_sendwindow_changelist"),
        Entry(title="Templates", icon="template", route="admin:execution_messagetemplate_changelist"),
    ),
    "Workspace": (
        Entry(title="Accounts", icon="key", route="admin:execution_provideraccount_changelist"),
        Entry(title="Alert routes", icon="bell", route="admin:execution_alertroute_changelist"),
        Entry(title="Alert ladder", icon="layers", route="admin:execution_escalationstep_changelist"),
        Entry(title="Settings", icon="settings", route="admin:settings"),
        Entry(title="Members", icon="badge", route="admin:workspaces_membership_changelist"),
        Entry(title="Tokens", icon="token", route="admin:workspaces_token_changelist"),
        Entry(title="Audit log", icon="audit", route="admin:workspaces_auditentry_changelist"),
        Entry(title="Mail catcher", icon="mail", route="admin:catcher", only_demo=True),
    ),
}


def navigation(*, request: HttpRequest, actor: Actor, numbers: Mapping[str, int]) -> list[Group]:
    """The table as `actor` may see it, with the place that `request` is at marked."""
    shown = {
        title: [(entry, address) for entry in entries if _shown(entry, actor) and (address := _address(entry))]
        for title, entries in TABLE.items()
    }
    active = _active(request=request, places=[place for places in shown.values() for place in places])
    return [
        Group(
            title=title,
            items=[
                Item(
                    title=entry.title,
                    icon=entry.icon,
                    address=f"{address}?{entry.query}" if entry.query else address,
                    active=entry is active,
                    badge=entry.badge,
                    count=numbers.get(entry.badge, 0) if entry.badge else 0,
                )
                for entry, address in places
            ],
        )
        for title, places in shown.items()
        if places
    ]


def _active(*, request: HttpRequest, places: Sequence[tuple[Entry, str]]) -> Entry | None:
    """The entry whose address is the longest beginning of the request's; one with a query only where that is asked."""
    asked = set(request.GET.urlencode().split("&"))
    best: tuple[int, Entry] | None = None
    for entry, address in places:
        whole = entry.route == "admin:index"
        fits = request.path == address if whole else request.path.startswith(address)
        if not fits or (entry.query and entry.query not in asked):
            continue
        rank = len(address) + (1 if entry.query else 0)
        if best is None or rank > best[0]:
            best = (rank, entry)
    return best[1] if best else None


def _address(entry: Entry) -> str:
    try:
        return reverse(entry.route)
    except NoReverseMatch:
        return ""  # a list whose app is not there has no place to go


def _shown(entry: Entry, actor: Actor) -> bool:
    return actor.may(entry.right) and (not entry.only_demo or bool(settings.MAIL_CATCHER_PORT))
