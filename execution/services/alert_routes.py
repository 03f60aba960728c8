"""Where a workspace's alerts go besides the console, and whom they escalate to: managed by its administrators."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.alerts.addresses import scheme_of
from execution.alerts.apprise_calls import Message, problem_with, send
from execution.models import AlertRoute, EscalationStep
from execution.services.credentials import decrypt, encrypt
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput, NotFound
from workspaces.ids import new_id
from workspaces.models import Membership, Principal, PrincipalKind, Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

_MOST_MINUTES = 7 * 24 * 60


def save_route(
    *, workspace: Workspace, actor: Actor, route_id: UUID | str | None = None, url: str = "", **fields: Any
) -> AlertRoute:
    """Make or change a route from `name`, `severity` and `is_active`. `url`: an Apprise URL; "" leaves what is stored.

    Raises InvalidInput naming the field, NotFound, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    problems = dict.fromkeys(set(fields) - {"name", "severity", "is_active"}, "Not a part of a route.")
    url = url.strip()
    if url and (problem := problem_with(url)):
        problems["url"] = problem
    with workspace_scope(workspace), transaction.atomic():
        route = AlertRoute(workspace=workspace) if route_id is None else _locked(workspace, route_id)
        for field, value in fields.items():
            setattr(route, field, value)
        if url and "url" not in problems:
            route.secret, route.scheme = encrypt(url), scheme_of(url)
        if not route.secret and "url" not in problems:
            problems["url"] = "Needed: without it there is nowhere to send to."
        problems.update(_problems(route))
        if problems:
            raise InvalidInput("The route cannot be saved like this.", fields=problems)
        route.save()
        audit.record(
            action="alert_route.saved",
            actor=actor,
            workspace_id=workspace.id,
            subject=route,
            data={"route": route.name, "url": bool(url)},
        )
    return route


def try_route(*, workspace: Workspace, actor: Actor, route_id: UUID | str) -> str:
    """Send a message that says it is a test; answers what went wrong, "" where it went out. Waits for the service.

    Raises NotFound, NotPermitted, Unavailable where no key opens the stored URL.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        route = _locked(workspace, route_id)
        audit.record(
            action="alert_route.tested",
            actor=actor,
            workspace_id=workspace.id,
            subject=route,
            data={"route": route.name},
        )
        url = decrypt(route.secret)
    message = Message(
        id=str(new_id()),
        url=url,
        title="A test of Countersign's alerts",
        body=f"Alerts of the workspace {workspace.name} from “{route.get_severity_display()}” on arrive here.",
        severity="info",
    )
    return send([message])[message.id]


def save_step(
    *,
    workspace: Workspace,
    actor: Actor,
    step_id: UUID | str | None = None,
    severity: str,
    after_minutes: int,
    route: AlertRoute | None = None,
    person: Principal | None = None,
) -> EscalationStep:
    """Make or change a step of the ladder. Without route and person it means every way out that takes the severity.

    The first own step of a severity replaces its default ladder. Raises InvalidInput, NotFound, NotPermitted.
    """
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    problems: dict[str, str] = {}
    if not 0 <= after_minutes <= _MOST_MINUTES:
        problems["after_minutes"] = f"A whole number from 0 to {_MOST_MINUTES}, which is a week."
    with workspace_scope(workspace), transaction.atomic():
        if route is not None and route.workspace_id != workspace.id:
            problems["route"] = "There is no such route in this workspace."
        if person is not None and not _is_member(workspace=workspace, person=person):
            problems["person"] = "Nobody active here has this name."
        if problems:
            raise InvalidInput("The step cannot be saved like this.", fields=problems)
        step = EscalationStep(workspace=workspace) if step_id is None else _locked_step(workspace, step_id)
        step.severity, step.after_minutes, step.route, step.person = severity, after_minutes, route, person
        try:
            step.full_clean(exclude=["workspace"])
        except ValidationError as error:
            told = {field: " ".join(texts) for field, texts in error.message_dict.items()}
            raise InvalidInput("The step cannot be saved like this.", fields=told) from error
        step.save()
        audit.record(action="escalation.changed", actor=actor, workspace_id=workspace.id, subject=step)
    return step


def remove_step(*, workspace: Workspace, actor: Actor, step_id: UUID | str) -> None:
    """Take a step out of the ladder; without any of its own a severity has the default again."""
    actor.require(Permission.MANAGE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic():
        step = _locked_step(workspace, step_id)
        audit.record(action="escalation.changed", actor=actor, workspace_id=workspace.id, subject=step)
        step.delete()


def _is_member(*, workspace: Workspace, person: Principal) -> bool:
    rows = Membership.objects.filter(workspace=workspace, principal=person, kind=PrincipalKind.PERSON, is_active=True)
    return bool(rows.exists())


def _locked(workspace: Workspace, route_id: UUID | str) -> AlertRoute:
    route: AlertRoute | None = AlertRoute.objects.select_for_update().filter(workspace=workspace, pk=route_id).first()
    if route is None:
        raise NotFound("There is no such route in this workspace.")
    return route


def _locked_step(workspace: Workspace, step_id: UUID | str) -> EscalationStep:
    step: EscalationStep | None = (
        EscalationStep.objects.select_for_update().filter(workspace=workspace, pk=step_id).first()
    )
    if step is None:
        raise NotFound("There is no such step in this workspace.")
    return step


def _problems(route: AlertRoute) -> dict[str, str]:
    try:
        route.full_clean(exclude=["workspace", "secret", "scheme"], validate_unique=True)
    except ValidationError as error:
        return {field: " ".join(texts) for field, texts in error.message_dict.items()}
    return {}
