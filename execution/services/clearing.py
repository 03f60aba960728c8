"""What retention deletes, kind by kind: which rows are due, and one chunk of them with all that hangs on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from execution.models import (
    Alert,
    AlertDelivery,
    Attempt,
    Decision,
    DeliveryState,
    ExecutionPlan,
    ExecutionRequest,
    Notification,
    Part,
    PartUse,
    RequestGate,
    RetentionRun,
    Revision,
    Snapshot,
)
from execution.providers import dry_run
from execution.services.freeze import parse
from execution.services.idempotency import spend
from execution.states import ENDED
from workspaces.ids import lowest_id
from workspaces.models import Workspace

NEWS_KEPT_FOR = timedelta(days=90)  # what people were told of alerts, whatever the workspace keeps else
_OF_A_REQUEST = (Decision, RequestGate, Attempt, Snapshot, PartUse, Revision)
_OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)

Delete = Callable[[Workspace, Sequence[UUID]], Sequence[UUID]]
Due = Callable[[Workspace, datetime, datetime], QuerySet[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of row. `due`: workspace, cutoff, now -> the rows to delete, the oldest first.

    `delete`: workspace, ids of such rows, locked -> those it deleted. Both inside the scope.
    """

    name: str
    label: str
    due: Due
    delete: Delete


def _due_requests(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[ExecutionRequest]:
    """Over for good since before the cutoff. Uncertain ones never are: a person has to say first.

    Those of a plan that go first stay as long as the rest is not over: what became of them decides about it.
    """
    rows = ExecutionRequest.objects.filter(workspace=workspace, settled_at__lt=cutoff, status__in=sorted(ENDED))
    rest = ExecutionRequest.objects.filter(plan=OuterRef("plan")).exclude(status__in=ENDED)
    rows = rows.filter(Q(canary=False) | ~Exists(rest))
    return rows.order_by("settled_at", "id")


def _due_plans(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[ExecutionPlan]:
    """Made before the cutoff and without a request that stays. Ids grow with time, so the primary key finds them."""
    stays = ExecutionRequest.objects.filter(plan=OuterRef("pk")).exclude(settled_at__lt=cutoff, status__in=ENDED)
    return ExecutionPlan.objects.filter(~Exists(stays), workspace=workspace, id__lt=lowest_id(cutoff)).order_by("id")


def _due_alerts(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[Alert]:
    rows = Alert.objects.filter(workspace=workspace, id__lt=lowest_id(cutoff), resolved_at__lt=cutoff)
    return rows.order_by("id")


def _due_messages(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[AlertDelivery]:
    rows = AlertDelivery.objects.filter(workspace=workspace, id__lt=lowest_id(now - NEWS_KEPT_FOR))
    return rows.exclude(state__in=_OPEN).order_by("id")


def _due_notifications(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[Notification]:
    before = now - NEWS_KEPT_FOR
    # One that was told again lately is no old one, whenever it was made.
    rows = Notification.objects.filter(workspace=workspace, id__lt=lowest_id(before), at__lt=before)
    return rows.order_by("id")


def _due_runs(workspace: Workspace, cutoff: datetime, now: datetime) -> QuerySet[RetentionRun]:
    return RetentionRun.objects.filter(workspace=workspace, ended_at__lt=cutoff).order_by("id")


def _delete_requests(workspace: Workspace, ids: Sequence[UUID]) -> Sequence[UUID]:
    rows = ExecutionRequest.objects.filter(workspace=workspace, id__among=ids)
    keys = rows.filter(idempotency_key__isnull=False).order_by().values_list("idempotency_key", flat=True)
    spend(workspace=workspace, keys=[key for key in keys if key])
    rehearsed = [str(i) for i in rows.filter(is_dry_run=True).order_by().values_list("id", flat=True)]
    mails = _mails(ids)
    shared = set(PartUse.objects.filter(request_id__among=ids).values_list("sha256", flat=True))
    for model in _OF_A_REQUEST:
        _delete(model.objects.filter(request_id__among=ids))
    _delete(rows)
    _delete(Part.objects.filter(workspace=workspace, sha256__among=sorted(mails)))
    _delete_unused(workspace=workspace, digests=shared)
    if rehearsed:
        transaction.on_commit(lambda: dry_run.forget(request_ids=rehearsed, path=settings.DRY_RUN_LOG))
    return ids


def _mails(ids: Sequence[UUID]) -> set[str]:
    """The frozen mails of these requests. Each holds its request's id, so nobody else's is the same."""
    mails: set[str] = set()
    for text in Revision.objects.filter(request_id__among=ids).values_list("document", flat=True).iterator(100):
        try:
            mails.update(parse(text).get("wire", [])[:1])
        except (ValueError, AttributeError):
            continue  # broken behind us, or erased before, and then its mail is gone
    return mails


def _delete_unused(*, workspace: Workspace, digests: set[str]) -> None:
    """Of contents that others may need, those that nobody does."""
    # Locked before it is asked who needs them: a proposal that takes one up at this moment holds it, and it stays.
    wanted = Part.objects.select_for_update(skip_locked=True).filter(workspace=workspace, sha256__among=sorted(digests))
    locked = set(wanted.order_by("id").values_list("sha256", flat=True))
    needed = PartUse.objects.filter(workspace=workspace, sha256__among=sorted(locked)).values_list("sha256", flat=True)
    _delete(Part.objects.filter(workspace=workspace, sha256__among=sorted(locked - set(needed))))


def _delete_plans(workspace: Workspace, ids: Sequence[UUID]) -> Sequence[UUID]:
    """Their rows are locked here, as a proposal locks the plan it adds to: what has requests now stays."""
    used = ExecutionRequest.objects.filter(plan_id__in=ids).order_by().values_list("plan_id", flat=True).distinct()
    empty = sorted(set(ids) - set(used))
    # By the framework's own way: the apps above let go of their plan.
    ExecutionPlan.objects.filter(workspace=workspace, id__in=empty).delete()
    return empty


def _delete_alerts(workspace: Workspace, ids: Sequence[UUID]) -> Sequence[UUID]:
    _delete(AlertDelivery.objects.filter(alert_id__among=ids))
    _delete(Notification.objects.filter(alert_id__among=ids))
    _delete(Alert.objects.filter(workspace=workspace, id__among=ids))
    return ids


def _plainly(model: type[models.Model]) -> Delete:
    def delete(workspace: Workspace, ids: Sequence[UUID]) -> Sequence[UUID]:
        _delete(model._default_manager.filter(workspace=workspace, id__among=ids))
        return ids

    return delete


def _delete(rows: QuerySet[Any]) -> None:
    # One statement, nothing loaded: `delete()` would read every row and stop at the keys that protect a revision from
    # its own request. What hangs on the rows goes in the same transaction, and the database checks it at the commit.
    rows.order_by()._raw_delete(rows.db)


# In this order: a plan goes when its requests have gone.
_KINDS = [
    Kind(name="requests", label="Requests that are over", due=_due_requests, delete=_delete_requests),
    Kind(name="plans", label="Plans without requests", due=_due_plans, delete=_delete_plans),
    Kind(name="alerts", label="Alerts that are over", due=_due_alerts, delete=_delete_alerts),
    Kind(name="alert messages", label="Messages about alerts", due=_due_messages, delete=_plainly(AlertDelivery)),
    Kind(name="notifications", label="Notifications", due=_due_notifications, delete=_plainly(Notification)),
    Kind(name="retention runs", label="Records of retention", due=_due_runs, delete=_plainly(RetentionRun)),
]


def register(kind: Kind) -> None:
    """Add a kind, once; it goes after those that are there. Apps above this one register theirs at start.

    Raises ValueError for a name taken twice.
    """
    if kind in _KINDS:
        return
    if kind.name in {known.name for known in _KINDS}:
        raise ValueError(f"There are two kinds of rows called {kind.name}.")
    _KINDS.append(kind)


def kinds() -> list[Kind]:
    """Every kind, in the order in which they are cleared."""
    return list(_KINDS)
