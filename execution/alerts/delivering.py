"""Delivering: each message is claimed under a lease, sent, and put on record; what failed is tried again alone.

A process that dies while it sends leaves the message to the next one once the lease is over: an alert may come twice
then, since one that never comes is worse. While all live, each goes out once, however many clusters there are.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from execution.alerts.apprise_calls import Message, send
from execution.alerts.mail import send_mail
from execution.alerts.targets import MAIL, env_targets, route_target
from execution.models import AlertDelivery, AlertRoute, DeliveryState
from execution.services.alerts import raise_alert
from execution.services.credentials import decrypt
from workspaces.clock import DatabaseNow, database_now
from workspaces.errors import Unavailable
from workspaces.models import Principal
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces

_AT_MOST = 20
_AT_ONCE = 8
_LEASE = timedelta(seconds=180)  # longer than one turn of sending can take
# Seconds after each failed try; after the last one it is given up.
BACKOFF = (15, 60, 300, 900, 1_800, 3_600, 3_600)
_SHOWN_DETAIL = 400


_TO_SEND = [DeliveryState.PENDING, DeliveryState.SENDING]
# Asked every second, and mostly in vain.
_DUE = Prepared(
    lambda: (
        AlertDelivery.objects.filter(state__in=_TO_SEND, due_at__lte=DatabaseNow())
        .order_by("due_at")
        .values_list("pk", flat=True)[:1]
    )
)


def deliver_due() -> int:
    """Send what is due; returns how many went out. Any number of processes may do so at once."""
    with all_workspaces("alerts leave every workspace"):
        claimed = _claim() if _DUE.rows() else []
        if not claimed:
            return 0
        wrong = _send_all(claimed)
        return sum(_settle(delivery, wrong=wrong[delivery.pk]) for delivery in claimed)


def _claim() -> list[AlertDelivery]:
    with transaction.atomic():
        now = database_now()
        skip = connection.features.has_select_for_update_skip_locked
        due = AlertDelivery.objects.select_for_update(skip_locked=skip, of=("self",)).filter(
            state__in=_TO_SEND, due_at__lte=now
        )
        rows = list(due.select_related("alert", "workspace").order_by("due_at", "id")[:_AT_MOST])
        over = [row.pk for row in rows if row.alert.resolved_at is not None]
        AlertDelivery.objects.filter(pk__in=over).update(state=DeliveryState.DROPPED)
        # Taken up again and again and never settled: whoever sends it dies of it.
        lost = [row.pk for row in rows if row.pk not in over and row.attempts > len(BACKOFF)]
        why = "Whoever tried to send it ended before it was done."
        AlertDelivery.objects.filter(pk__in=lost).update(state=DeliveryState.FAILED, error=why)
        claimed = [row for row in rows if row.pk not in over and row.pk not in lost]
        AlertDelivery.objects.filter(pk__in=[row.pk for row in claimed]).update(
            state=DeliveryState.SENDING, due_at=now + _LEASE, attempts=F("attempts") + 1
        )
        for row in claimed:
            row.attempts += 1
    return claimed


def _send_all(claimed: Sequence[AlertDelivery]) -> Mapping[UUID, str | None]:
    """What went wrong with each: "" nothing, None where its way out is there no more. No transaction is open.

    All at once, so that a mail server that hangs does not keep the chat waiting. Only this thread asks the database.
    """
    wrong: dict[UUID, str | None] = {}
    urls: list[Message] = []
    ids = {row.workspace_id for row in claimed}
    routes = AlertRoute.objects.filter(workspace_id__in=ids, is_active=True).values_list("pk", "secret")
    secrets = {route_target(pk): secret for pk, secret in routes}
    installation = env_targets()
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        mails: dict[UUID, Future[str]] = {}
        for row in claimed:
            title, body = words_of(row)
            url, address = installation.get(row.target), _mail_address(row.target)
            if row.target in secrets:
                try:
                    url = decrypt(secrets[row.target])
                except Unavailable as error:
                    wrong[row.pk] = error.detail
                    continue
            if url is not None:
                message = Message(
                    id=str(row.pk), url=url, title=title, body=_harmless(body), severity=row.alert.severity
                )
                urls.append(message)
            elif address:
                mails[row.pk] = pool.submit(
                    send_mail, workspace=row.workspace, to=address, subject=title, text=body, delivery_id=str(row.pk)
                )
            else:
                wrong[row.pk] = None
        outcome = send(urls) if urls else {}
        wrong |= {UUID(key): text for key, text in outcome.items()}
        wrong |= {key: sent.result() for key, sent in mails.items()}
    return wrong


def _mail_address(target: str) -> str:
    """Where mail for this target goes; "" where there is nobody (any more)."""
    if target == MAIL:
        return str(settings.ALERT_EMAIL)
    word, _, key = target.partition(":")
    if word != "person":
        return ""
    found = Principal.objects.select_related("user").filter(pk=key, is_active=True, user__is_active=True).first()
    return found.user.email if found and found.user else ""


def words_of(delivery: AlertDelivery) -> tuple[str, str]:
    """The title and the text of one message: plain text, with the address where one can answer."""
    alert, workspace = delivery.alert, delivery.workspace
    title = f"[{alert.get_severity_display()}] {alert.title}"[:150].replace("\n", " ").replace("\r", " ")
    times = f"\n{delivery.count} times since {alert.first_at:%Y-%m-%d %H:%M} UTC." if delivery.count > 1 else ""
    detail = alert.detail if len(alert.detail) <= _SHOWN_DETAIL else alert.detail[: _SHOWN_DETAIL - 1] + "…"
    address = f"{settings.PUBLIC_URL}/w/{workspace.slug}/admin/execution/alert/{alert.pk}/change/"
    return title, f"{detail}{times}\n\nWorkspace: {workspace.name}\nSee it and answer it: {address}\n"


def _harmless(text: str) -> str:
    """A chat reads @everyone and <!channel> as orders, and some of the text may be a stranger's."""
    return text.replace("@", "@\u200b").replace("<", "‹").replace(">", "›")


def _settle(delivery: AlertDelivery, *, wrong: str | None) -> bool:
    """Put on record how it went, unless the lease was over and somebody else has it. True where it went out."""
    now: datetime = database_now()
    mine = AlertDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, attempts=delivery.attempts)
    if wrong == "":
        return bool(mine.update(state=DeliveryState.SENT, sent_at=now, error=""))
    if wrong is None:
        mine.update(state=DeliveryState.DROPPED, error="Its way out is there no more.")
        return False
    if delivery.attempts <= len(BACKOFF):
        pause = timedelta(seconds=BACKOFF[delivery.attempts - 1])
        mine.update(state=DeliveryState.PENDING, due_at=now + pause, error=wrong[:300])
        return False
    with transaction.atomic():
        if mine.update(state=DeliveryState.FAILED, error=wrong[:300]):
            raise_alert(
                workspace_id=delivery.workspace_id,
                kind="alert_undelivered",
                fingerprint=f"undelivered:{delivery.target}",
                title="An alert could not be delivered",
                detail=f"{_name_of(delivery.target)} failed {delivery.attempts} times: {wrong}",
            )
    return False


def _name_of(target: str) -> str:
    word, _, key = target.partition(":")
    match word:
        case "route":
            found = AlertRoute.objects.filter(pk=key).first()
            return f"The route {found.name}" if found else "A route"
        case "env":
            return "One of ALERT_URLS"
        case "person":
            return "Mail to the person it escalates to"
    return "Mail to ALERT_EMAIL"
