"""Reads of many rows: workspaces, their members, the audit log."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from workspaces.clock import database_now
from workspaces.models import AuditEntry, Membership, Principal, Role, Token, User, Workspace
from workspaces.permissions import RIGHTS, Permission
from workspaces.prepared import Prepared
from workspaces.settings_store import effective_settings

_DECIDING = [role for role in Role if Permission.DECIDE in RIGHTS[role] and role != Role.SERVICE]
_LAST_SEEN = Prepared(
    lambda workspace_id: (
        Membership.objects.filter(
            workspace_id=workspace_id,
            role__in=_DECIDING,
            is_active=True,
            principal__is_active=True,
            principal__user__is_active=True,
            last_seen_at__isnull=False,
        )
        .order_by("-last_seen_at")
        .values_list("last_seen_at", flat=True)[:1]
    ),
    workspace_id=UUID,
)
_LOGIN_IS_ON = Q(principal__user=None) | Q(principal__user__is_active=True)
_IS_ACTIVE = Q(is_active=True, principal__is_active=True) & _LOGIN_IS_ON


def workspaces_of(*, user: User) -> QuerySet[Workspace]:
    """The workspaces that a login may enter, by name; none for one that is switched off."""
    return Workspace.objects.filter(
        memberships__principal__user=user,
        memberships__principal__user__is_active=True,
        memberships__principal__is_active=True,
        memberships__is_active=True,
    ).order_by("name")


def members(
    *, workspace: Workspace, kind: str = "", role: str = "", active: bool | None = None, q: str = ""
) -> QuerySet[Membership]:
    """Members with their principals and logins, by kind and name. q is looked for in their names."""
    rows = Membership.objects.filter(workspace=workspace)
    if kind:
        rows = rows.filter(kind=kind)
    if role:
        rows = rows.filter(role=role)
    if active is not None:
        rows = rows.filter(_IS_ACTIVE) if active else rows.exclude(_IS_ACTIVE)
    if word := q.strip():
        rows = rows.filter(
            Q(principal__name__icontains=word)
            | Q(principal__user__first_name__icontains=word)
            | Q(principal__user__last_name__icontains=word)
        )
    return rows.select_related("principal__user").order_by("principal__kind", "principal__name", "id")


def member_named(*, workspace_id: UUID, name: str) -> UUID | None:
    """The person of that user name who is active here; None where there is nobody."""
    people = Membership.objects.filter(_IS_ACTIVE, workspace_id=workspace_id, kind="person", principal__name=name)
    return people.values_list("principal_id", flat=True).first() if name else None


def last_decider_seen(*, workspace_id: UUID) -> datetime | None:
    """When anybody who may decide here now was last seen; None where nobody ever was."""
    return next(iter(_LAST_SEEN.rows(workspace_id=workspace_id)), None)


def is_unattended(*, workspace: Workspace) -> bool:
    """Whether the dead-man's switch holds what would run alone: nobody who may decide was seen for that long."""
    hours = effective_settings(workspace=workspace, keys=["operator_absent_hours"])["operator_absent_hours"]
    if not hours:
        return False
    seen = last_decider_seen(workspace_id=workspace.pk)
    return seen is None or database_now() - seen >= timedelta(hours=hours)


def people_who_may(*, workspace: Workspace, permission: Permission) -> QuerySet[Principal]:
    """The active people who hold a right here, by name: whom a gate can be answered by, whom an alert goes to."""
    roles = [role for role in Role if permission in RIGHTS[role] and role != Role.SERVICE]
    return (
        Principal.objects.filter(
            is_active=True,
            user__is_active=True,
            memberships__workspace=workspace,
            memberships__is_active=True,
            memberships__role__in=roles,
        )
        .select_related("user")
        .order_by("name")
    )


def tokens_of(*, workspace: Workspace) -> QuerySet[Token]:
    """Tokens of the workspace's members, newest first, revoked and expired ones too."""
    rows = Token.objects.filter(membership__workspace=workspace)
    return rows.select_related("membership__principal__user").order_by("-created_at", "-id")


def audit_entries(
    *,
    workspace: Workspace | None,
    action: str = "",
    actor_id: UUID | None = None,
    subject_id: UUID | None = None,
    correlation: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """The audit log of one workspace (None: of the installation), newest first by id, which a cursor can page by.

    action: a whole name (request.approved) or the first part of several (request.). since is included, until is not.
    subject_id: a row that entries are about, alone or as one of a chunk.
    """
    rows = AuditEntry.objects.filter(workspace=workspace) if workspace else AuditEntry.objects.filter(workspace=None)
    if action:
        rows = rows.filter(action__startswith=action) if action.endswith(".") else rows.filter(action=action)
    if actor_id:
        rows = rows.filter(actor_id=actor_id)
    if subject_id:
        rows = rows.filter(Q(subject_id=subject_id) | _covers(subject_id))
    if correlation:
        rows = rows.filter(correlation=correlation)
    if since:
        rows = rows.filter(at__gte=since)
    if until:
        rows = rows.filter(at__lt=until)
    return rows.select_related("actor").order_by("-id")


def _covers(subject_id: UUID) -> Q:
    if connection.vendor == "postgresql":
        # The index is of entries with subjects only, and the planner has to be told that it fits.
        return Q(subjects__contains=[str(subject_id)]) & ~Q(subjects=[])
    covering = (
        "SELECT entry.id FROM workspaces_auditentry AS entry, json_each(entry.subjects) AS one WHERE one.value = %s"
    )
    return Q(id__in=RawSQL(covering, [str(subject_id)]))  # noqa: S611 (our own words, and a parameter)
