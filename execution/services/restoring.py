"""After a restore, or in a copy: nothing is sent by itself until a named person says that this is the one (P16)."""

import logging
from datetime import timedelta

from django.db import connection, transaction

from execution import audit_actions, queue  # noqa: F401  (audit_actions registers the actions recorded here)
from execution.models import (
    Alert,
    AlertDelivery,
    Attempt,
    AttemptState,
    DeliveryState,
    ExecutionRequest,
    Hold,
    HoldScope,
    Worker,
)
from execution.services.alerts import raise_alert
from execution.services.holds import set_hold
from execution.states import Status
from execution.transitions import move
from workspaces import audit
from workspaces.actors import Actor, system_actor
from workspaces.audit.checkpoint import RESUMED, renew_checkpoint
from workspaces.audit.verify import verify_newest
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.identity import database_identity
from workspaces.installation import difference, is_restored
from workspaces.models import Installation, Workspace
from workspaces.scope import all_workspaces

logger = logging.getLogger(__name__)

RECONCILE = "reconcile"  # the reason that what is approved waits for
_LOOK_AGAIN = timedelta(seconds=60)
_AT_MOST = 1_000  # requests in one audit entry
_NEWEST_BLOCKS = 50


def stop_if_restored() -> bool:
    """Ask whether this is still the adopted database, once for each connection to it; stop everything if not.

    Returns whether it stopped. Call it outside a transaction, before anything is marked, recovered or sealed.
    """
    connection.ensure_connection()
    if getattr(connection, "asked_for_identity", None) is connection.connection:
        return False
    found = "" if Installation.objects.filter(restored_at__isnull=False).exists() else difference()
    if found:
        _stop(found)
    connection.asked_for_identity = connection.connection  # type: ignore[attr-defined]
    return bool(found)


def _stop(found: str) -> None:
    """In one transaction: a global hold, all under way is uncertain, all approved waits to be reconciled."""
    actor = system_actor("restore")
    with transaction.atomic(), guard_change(workspace=None), all_workspaces("a restore concerns every workspace"):
        if Installation.objects.filter(restored_at__isnull=False).exists():
            return  # another process was first
        now = database_now()
        Installation.objects.update_or_create(
            pk=1,
            defaults={"restored_at": now, "difference": found},
            create_defaults={"restored_at": now, "difference": found, "identity": "", "adopted_at": now},
        )
        reason = f"{found} Nothing is sent until an operator looks at what waits, and resumes."
        set_hold(scope=HoldScope.GLOBAL, reason=reason, actor=actor)
        # Those that worked on the original: their journals tell nothing of what happened here.
        Worker.objects.filter(ended_at=None).update(ended_at=now)
        _forget_messages()
        for workspace in Workspace.objects.order_by("id"):
            unknown = _make_uncertain(workspace=workspace, actor=actor)
            waiting = ExecutionRequest.objects.filter(workspace=workspace, status=Status.APPROVED)
            held = waiting.update(wait_reason=RECONCILE, due_at=now + _LOOK_AGAIN)
            raise_alert(
                workspace_id=workspace.id,
                kind="restored",
                fingerprint="restored",
                title="This is a restored or copied database",
                detail=f"{found} {held} approved requests wait, {unknown} have an unknown outcome.",
            )
        audit.record(action="installation.restored", actor=actor, workspace_id=None, data={"difference": found})
    logger.critical("%s Everything is held until an operator resumes.", found)


def _forget_messages() -> None:
    """What people were about to be told is the original's to tell; here the alerts stay in the console."""
    Alert.objects.filter(tell_at__isnull=False).update(tell_at=None)
    AlertDelivery.objects.filter(state__in=[DeliveryState.PENDING, DeliveryState.SENDING]).update(
        state=DeliveryState.DROPPED, error="It was the original database's to send."
    )


def _make_uncertain(*, workspace: Workspace, actor: Actor) -> int:
    """Nobody here can know what became of what was under way when this state was taken."""
    now, total = database_now(), 0
    under_way = ExecutionRequest.objects.filter(workspace=workspace, status=Status.DISPATCHING).order_by("id")
    while ids := list(under_way.values_list("id", flat=True)[:_AT_MOST]):
        detail = "It was under way when this state of the database was taken."
        move(
            workspace_id=workspace.id,
            ids=ids,
            to=Status.UNCERTAIN,
            action="request.uncertain",
            actor=actor,
            only_from=[Status.DISPATCHING],
            values={"chunk": None, "settled_at": now, "last_error": detail},
            data={"reason": "the database was restored"},
        )
        Attempt.objects.filter(workspace=workspace, request_id__among=ids, state=AttemptState.MARKED).update(
            state=AttemptState.UNCERTAIN, error_kind="ambiguous", error=detail, ended_at=now
        )
        for request_id in ids:
            raise_alert(
                workspace_id=workspace.id,
                kind="uncertain",
                fingerprint=f"uncertain:{request_id}",
                title="Nobody can know whether this went out",
                detail=f"{detail} Look it up at the provider, then say was sent or was not sent.",
                request_id=request_id,
            )
        total += len(ids)
    return total


def resume_after_restore(*, actor: Actor, reason: str) -> Hold | None:
    """This database is the one that sends from now on. Returns the global hold that was released, if there was one.

    Adopts its identity, lets everything approved go through every guard again and begins the checkpoint anew; what
    the old one said stays in the audit entry. What was sent after this state was taken and is approved here will be
    sent again: withdraw it first.

    Raises NotPermitted (a person, and an operator), InvalidInput without a reason, Conflict where nothing waits.
    """
    if not actor.is_person:
        raise NotPermitted("Only a person resumes after a restore.")
    actor.require_operator()
    if not reason.strip():
        raise InvalidInput("Say what you checked; it stays in the audit log.", fields={"reason": "Needed."})
    report = _report()
    with transaction.atomic(), guard_change(workspace=None), all_workspaces("a restore concerns every workspace"):
        if not is_restored():
            raise Conflict("This database was not restored; there is nothing to resume.")
        now = database_now()
        row = Installation.objects.filter(pk=1).first() or Installation(pk=1, identity="", adopted_at=now)
        entry = audit.record(
            action=RESUMED,
            actor=actor,
            workspace_id=None,
            data={
                "reason": reason.strip()[:300],
                "difference": row.difference,
                "report": report,
                "was": row.identity,
                "is": database_identity(),
            },
        )
        row.identity, row.adopted_at, row.restored_at, row.difference = database_identity(), now, None, ""
        row.resumed_entry = entry.id
        row.save()
        waiting = ExecutionRequest.objects.filter(status=Status.APPROVED, wait_reason=RECONCILE)
        waiting.update(wait_reason="", due_at=now)
        hold = Hold.objects.filter(scope=HoldScope.GLOBAL, released_at=None).first()
        if hold:
            hold.released_by_id, hold.released_at, hold.release_reason = actor.principal_id, now, reason.strip()[:300]
            hold.save(update_fields=["released_by", "released_at", "release_reason"])
            audit.record(
                action="hold.released", actor=actor, workspace_id=None, subject=hold, data={"scope": hold.address}
            )
        # After the commit, as for every line: the keeper adds what a crash leaves out here.
        transaction.on_commit(lambda: renew_checkpoint(entry_id=entry.id))
        queue.ring()
    return hold


def _report() -> str:
    """What verification says of the log before the old checkpoint is given up; empty where all is well."""
    chains = [None, *Workspace.objects.order_by("id").values_list("id", flat=True)]
    faults = verify_newest(workspace_ids=chains, blocks=_NEWEST_BLOCKS)
    return " ".join(str(fault) for fault in faults.values())[:2_000]
