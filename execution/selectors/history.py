"""What is settled, newest first, and the search shared by all lists of requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from execution.models import ExecutionRequest
from execution.states import SETTLED, Status
from workspaces.models import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilters:
    """What narrows the history; `since` is included, `until` is not. None and empty mean everything."""

    status: Sequence[str] = ()
    channel: str | None = None
    contact: UUID | None = None
    plan: UUID | None = None
    campaign: UUID | None = None
    agent: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""


def history(*, workspace: Workspace, filters: HistoryFilters | None = None) -> QuerySet[ExecutionRequest]:
    """Settled requests, newest first: done, failed, unknown, refused, rejected, withdrawn or expired."""
    filters = filters or HistoryFilters()
    rows = ExecutionRequest.objects.filter(workspace=workspace, settled_at__isnull=False)
    rows = rows.filter(status__in=sorted(SETTLED & set(filters.status) if filters.status else SETTLED))
    if filters.since:
        rows = rows.filter(settled_at__gte=filters.since)
    if filters.until:
        rows = rows.filter(settled_at__lt=filters.until)
    return narrowed(rows, filters=filters).order_by("-settled_at", "-id")


def all_requests(*, workspace: Workspace, filters: HistoryFilters | None = None) -> QuerySet[ExecutionRequest]:
    """Every request whatever its state, newest first; `since` and `until` go by when it was proposed."""
    filters = filters or HistoryFilters()
    rows = ExecutionRequest.objects.filter(workspace=workspace)
    if filters.status:
        rows = rows.filter(status__in=filters.status)
    if filters.since:
        rows = rows.filter(created_at__gte=filters.since)
    if filters.until:
        rows = rows.filter(created_at__lt=filters.until)
    return narrowed(rows, filters=filters).order_by("-id")


def narrowed(rows: QuerySet[ExecutionRequest], *, filters: HistoryFilters) -> QuerySet[ExecutionRequest]:
    """Apply the filters that mean the same in every list."""
    if filters.channel:
        rows = rows.filter(channel=filters.channel)
    if filters.contact:
        rows = rows.filter(contact_id=filters.contact)
    if filters.plan:
        rows = rows.filter(plan_id=filters.plan)
    if filters.campaign:
        rows = rows.filter(campaign_id=filters.campaign)
    if filters.agent:
        rows = rows.filter(agent=filters.agent)
    return search(rows, filters.q) if filters.q else rows


def search(rows: QuerySet[ExecutionRequest], words: str) -> QuerySet[ExecutionRequest]:
    """Rows in which every word of `words` stands: in the summary, the address, the contact's name or the campaign."""
    for word in words.split()[:8]:
        rows = rows.filter(
            Q(summary__icontains=word)
            | Q(to__icontains=word)
            | Q(contact__name__icontains=word)
            | Q(campaign_label__icontains=word)
        )
    return rows


def statuses() -> list[str]:
    """Every state, as filters name it."""
    return [status.value for status in Status]
