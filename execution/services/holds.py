"""Holds: set by anyone with the right, a service or the machine; released by a person."""

from uuid import UUID

from django.db import transaction

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.alerts.kinds import PAUSED
from execution.channels import registry
from execution.models import Alert, ExecutionPlan, Hold, HoldScope, ProviderAccount
from execution.services.alerts import raise_alerts
from workspaces import audit
from workspaces.actors import Actor, resolve_actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.installation import is_restored
from workspaces.models import PrincipalKind, Workspace
from workspaces.permissions import Permission
from workspaces.scope import all_workspaces, workspace_scope
from workspaces.settings_store import paused_workspaces


def set_hold(*, scope: str, reason: str, actor: Actor | str, workspace: Workspace | None = None) -> Hold:
    """Stop everything in `scope`: from 100 ms after this returns no provider call in it begins.

    scope: global, workspace:SLUG, channel:NAME, agent:NAME, campaign:ID, plan:ID or account:ID; all but global inside
    `workspace`. Holding what is held already answers the hold there is.

    Raises InvalidInput for an unknown scope or without a reason, NotPermitted (global: an operator, or the machine).
    """
    target, kind, key = _parse(scope=scope, workspace=workspace)
    who = _actor(actor=actor, workspace=target or workspace)
    if not reason.strip():
        raise InvalidInput("Say why; everyone who waits will read it.", fields={"reason": "Needed."})
    if target is None:
        if who.kind != PrincipalKind.SYSTEM:
            who.require_operator()
    else:
        who.require(Permission.HOLD, workspace_id=target.id)
    with transaction.atomic(), guard_change(workspace=target):
        held = _in_force(target=target, kind=kind, key=key)
        if held:
            return held
        hold = Hold.objects.create(
            workspace=target,
            scope=kind,
            key=key,
            reason=reason.strip()[:300],
            set_by_id=who.principal_id,
            set_at=database_now(),
        )
        audit.record(
            action="hold.set",
            actor=who,
            workspace_id=target.id if target else None,
            subject=hold,
            data={"scope": hold.address},
        )
        # The machine says in an alert of its own why it stopped something; somebody at a shell does not.
        if who.kind != PrincipalKind.SYSTEM or who.via == "cli":
            _tell(hold, kind="hold_set", title=f"A hold was set: {hold.address}", detail=hold.reason)
    return hold


def release_hold(*, scope: str, reason: str, actor: Actor | str, workspace: Workspace | None = None) -> Hold:
    """Let go of a hold. Only a person can, with the right to (global: an operator).

    Raises NotFound where nothing is held, Conflict for the global one after a restore (services/restoring.py),
    NotPermitted, InvalidInput.
    """
    target, kind, key = _parse(scope=scope, workspace=workspace)
    who = _actor(actor=actor, workspace=target or workspace)
    if not who.is_person:
        raise NotPermitted("Only a person releases a hold.")
    if target is None:
        who.require_operator()
        if is_restored():
            raise Conflict(
                "This database was restored or copied. Look at what waits under “After a restore”, and resume there "
                "or by manage.py release --scope global."
            )
    else:
        who.require(Permission.RELEASE, workspace_id=target.id)
    with transaction.atomic(), guard_change(workspace=target):
        hold = _in_force(target=target, kind=kind, key=key)
        if hold is None:
            raise NotFound(f"Nothing holds {scope}.")
        hold.released_by_id, hold.released_at, hold.release_reason = who.principal_id, database_now(), reason[:300]
        hold.save(update_fields=["released_by", "released_at", "release_reason"])
        audit.record(
            action="hold.released",
            actor=who,
            workspace_id=target.id if target else None,
            subject=hold,
            data={"scope": hold.address},
        )
        _tell(hold, kind="hold_released", title=f"A hold was released: {hold.address}", detail=hold.release_reason)
        if kind == HoldScope.PLAN and target is not None:
            # Whoever releases what was stopped after its first requests has looked at them: the rest goes.
            with workspace_scope(target):
                stopped = ExecutionPlan.objects.filter(workspace=target, pk=key, canary_stopped_at__isnull=False)
                stopped.filter(canary_over_at=None).update(canary_over_at=hold.released_at)
        queue.wake_held(workspace_id=target.id if target else None)
    return hold


def _tell(hold: Hold, *, kind: str, title: str, detail: str) -> None:
    """An alert where it holds: a global one concerns every workspace."""
    concerned = [hold.workspace_id] if hold.workspace_id else list(Workspace.objects.values_list("pk", flat=True))
    fingerprint = f"{'hold' if kind == 'hold_set' else 'released'}:{hold.pk}"
    raise_alerts(workspace_ids=concerned, kind=kind, fingerprint=fingerprint, title=title[:200], detail=detail)


def tell_of_pause(*, workspace_id: UUID | None) -> None:
    """An alert for the setting `global_pause`, which is a hold without a row: where it holds now, or no longer does.

    workspace_id: whose setting was changed; None for the installation's, which concerns every workspace. In a
    workspace that hears of it again the same alert counts one more; an end is told where a beginning was.
    """
    on = paused_workspaces()
    concerned = Workspace.objects.all() if workspace_id is None else Workspace.objects.filter(pk=workspace_id)
    paused = {pk: bool(on & {None, pk}) for pk in concerned.values_list("pk", flat=True)}
    with all_workspaces("a setting of the installation concerns all"):
        known = Alert.objects.filter(fingerprint=PAUSED, resolved_at=None, workspace__in=concerned)
        told = set(known.values_list("workspace_id", flat=True))
    detail = f"By the setting global_pause of {'the installation' if workspace_id is None else 'the workspace'}."
    raise_alerts(
        workspace_ids=[pk for pk, is_on in paused.items() if is_on],
        kind="hold_set",
        fingerprint=PAUSED,
        title="A hold was set: global_pause",
        detail=detail,
    )
    raise_alerts(
        workspace_ids=[pk for pk, is_on in paused.items() if not is_on and pk in told],
        kind="hold_released",
        fingerprint=f"released:{PAUSED}",
        title="A hold was released: global_pause",
        detail=detail,
    )


def _actor(*, actor: Actor | str, workspace: Workspace | None) -> Actor:
    return resolve_actor(label=actor, workspace=workspace, via="python") if isinstance(actor, str) else actor


def _in_force(*, target: Workspace | None, kind: HoldScope, key: str) -> Hold | None:
    return Hold.objects.filter(workspace=target, scope=kind, key=key, released_at=None).first()


def _parse(*, scope: str, workspace: Workspace | None) -> tuple[Workspace | None, HoldScope, str]:
    """Whose hold it is, of which kind, over what. Raises InvalidInput naming `scope`."""
    word, _, key = str(scope).partition(":")
    try:
        kind = HoldScope(word)
    except ValueError as error:
        raise _bad(
            "Write global, workspace:SLUG, channel:NAME, agent:NAME, campaign:ID, plan:ID or account:ID."
        ) from error
    if kind == HoldScope.GLOBAL:
        if key:
            raise _bad("A global hold takes nothing after the word.")
        return None, kind, ""
    if kind == HoldScope.WORKSPACE:
        named = Workspace.objects.filter(slug=key).first() if key else workspace
        if named is None or (workspace is not None and named.pk != workspace.pk):
            raise _bad("There is no such workspace here.")
        return named, kind, ""
    if workspace is None:
        raise _bad(f"Say in which workspace the {kind.label.lower()} is to be held.")
    if not key:
        raise _bad(f"Say which {kind.label.lower()}.")
    if kind == HoldScope.CHANNEL and key not in registry.names():
        raise _bad(f"There is no channel “{key}”. There are: {', '.join(registry.names())}.")
    if kind == HoldScope.ACCOUNT and key == "default":
        return workspace, kind, key  # the installation's own, for this workspace
    if kind in (HoldScope.CAMPAIGN, HoldScope.PLAN, HoldScope.ACCOUNT):
        key = _uuid(key)
    if kind == HoldScope.ACCOUNT:
        with workspace_scope(workspace):
            if not ProviderAccount.objects.filter(workspace=workspace, pk=key).exists():
                raise _bad("There is no such account in this workspace.")
    if kind == HoldScope.PLAN:
        with workspace_scope(workspace):
            if not ExecutionPlan.objects.filter(workspace=workspace, pk=key).exists():
                raise _bad("There is no such plan in this workspace.")
    return workspace, kind, key


def _uuid(key: str) -> str:
    try:
        return str(UUID(key))
    except ValueError as error:
        raise _bad("Give its id.") from error


def _bad(text: str) -> InvalidInput:
    return InvalidInput(text, fields={"scope": text})
