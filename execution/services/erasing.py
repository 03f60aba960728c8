"""What an erased person leaves here: the fact that something was sent, by whom and under which digest; no words."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from execution.models import Alert, Attempt, ExecutionRequest, Part, Revision, Snapshot
from execution.providers import dry_run
from execution.services.cancelling import withdraw_unsent_to
from execution.services.freeze import parse
from execution.states import SETTLED
from workspaces import audit
from workspaces.actors import system_actor
from workspaces.canonical import canonical_json
from workspaces.models import Workspace
from workspaces.scope import workspace_scope

ERASED = canonical_json({"erased": True}).decode()
_AT_MOST = 200  # requests in one transaction


def erase_traces(*, workspace: Workspace, contact_ids: Sequence[UUID]) -> int:
    """Withdraw what is unsent to erased contacts and blank what was addressed to them. Returns how many requests.

    Digests, field hashes and decisions stay: they name nobody, and the audit chain stands on them. What is under way
    is blanked by the next sweep, once it is settled. The frozen mail goes; attachments may be somebody else's too.
    """
    with workspace_scope(workspace):
        withdraw_unsent_to(workspace=workspace, contact_ids=contact_ids, reason="the recipient was erased")
        rows = ExecutionRequest.objects.filter(
            workspace=workspace, contact_id__in=contact_ids, status__in=SETTLED
        ).exclude(to="")
        done = 0
        while ids := list(rows.order_by("id").values_list("id", flat=True)[:_AT_MOST]):
            with transaction.atomic():
                _blank(workspace=workspace, ids=ids)
            done += len(ids)
    return done


def workspaces_with_leftovers() -> set[UUID]:
    """Those in which something is left of an erased contact. Outside any workspace's scope."""
    left = ExecutionRequest.objects.filter(contact__is_erased=True).exclude(to="")
    return set(left.order_by().values_list("workspace_id", flat=True).distinct())


def erase_leftovers(*, workspace: Workspace) -> int:
    """The same for every erased contact of whom something is left. Called by the sweep."""
    with workspace_scope(workspace):
        left = ExecutionRequest.objects.filter(workspace=workspace, contact__is_erased=True).exclude(to="")
        contact_ids = list(left.order_by().values_list("contact_id", flat=True).distinct()[:_AT_MOST])
    return erase_traces(workspace=workspace, contact_ids=contact_ids) if contact_ids else 0


def _blank(*, workspace: Workspace, ids: Sequence[UUID]) -> None:
    # Before what hangs on them, as retention takes them: else each could wait for what the other has.
    list(ExecutionRequest.objects.select_for_update().filter(id__in=ids).order_by("id").values_list("id"))
    mails: set[str] = set()
    for text in Revision.objects.filter(request_id__in=ids).values_list("document", flat=True):
        try:
            mails.update(parse(text).get("wire", [])[:1])
        except (ValueError, AttributeError):
            continue  # broken behind us, or blanked before
    Part.objects.filter(workspace=workspace, sha256__in=mails).delete()
    Revision.objects.filter(request_id__in=ids).update(document=ERASED, drift=[], note="")
    Snapshot.objects.filter(request_id__in=ids).update(document={"erased": True})
    Attempt.objects.filter(request_id__in=ids).update(response="", error="")
    ExecutionRequest.objects.filter(id__in=ids).update(
        to="", summary="(erased)", metadata={}, last_error="", deliverable_url=""
    )
    # What a service answered may name the recipient.
    Alert.objects.filter(workspace=workspace, request_id__in=ids).update(detail="")
    gone = [str(i) for i in ids]
    audit.record(action="request.erased", actor=system_actor("erasure"), workspace_id=workspace.id, subjects=gone)
    transaction.on_commit(lambda: dry_run.forget(request_ids=gone, path=settings.DRY_RUN_LOG))
