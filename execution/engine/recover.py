"""Recovery: what becomes of the chunk of a worker whose lease ran out.

What its journal shows as not begun goes back to approved; what had ended is settled as it ended; the one begun is
looked up at the provider, or sent again under its key (asking.py), else it is uncertain. Where the journal cannot be
trusted, that goes for the whole chunk. A host that was only cut off can read its own journal once it is back, so the
others give it OTHER_HOST_SECONDS before they take over without it.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from execution.engine.asking import anything_to_ask, ask, can_be_asked, hand_over
from execution.engine.journal import Account, read_journal, this_host
from execution.engine.outcomes import Outcome, not_begun
from execution.engine.progress import PlanProgress, plan_progress_last
from execution.engine.settle import Performed, settle
from execution.engine.worker import RunningWorker, running_worker
from execution.models import Attempt, AttemptState, ExecutionRequest, Worker
from execution.services.failures import account_broken
from execution.services.restoring import stop_if_restored
from workspaces.actors import system_actor
from workspaces.clock import DatabaseNow, database_now
from workspaces.models import Workspace
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces, workspace_scope
from workspaces.settings_store import get_setting

logger = logging.getLogger(__name__)

# Asked every second, and mostly in vain.
_OVERDUE = Prepared(
    lambda: (
        Worker.objects.filter(ended_at=None, lease_until__lt=DatabaseNow())
        .order_by("lease_until")
        .values_list("pk", flat=True)[:1]
    )
)


def recover_dead_workers() -> int:
    """Take over from every worker of this host whose lease ran out, and later from those of other hosts. Returns how
    many attempts were settled. Safe to run anywhere, any number at once.
    """
    stop_if_restored()  # a copy must not believe, nor take away, the journals of the original
    settled = 0
    with all_workspaces("a worker serves every workspace"):
        if not _OVERDUE.rows():
            return 0
        now = database_now()
        given_up = now - timedelta(seconds=settings.OTHER_HOST_SECONDS)
        overdue = Worker.objects.filter(ended_at=None, lease_until__lt=now)
        overdue = overdue.filter(Q(host=this_host()) | Q(lease_until__lt=given_up))
        for worker_id in list(overdue.values_list("id", flat=True)):
            settled += _recover(worker_id)
    return settled


def _recover(worker_id: UUID) -> int:
    if not anything_to_ask(worker_id=worker_id):
        return _take_over(worker_id, asker=None)
    # Under a lease and a journal of its own: if this process dies over it, the next recovery asks again.
    with running_worker() as asker:
        return _take_over(worker_id, asker=asker)


def _take_over(worker_id: UUID, *, asker: RunningWorker | None) -> int:
    asked: list[Performed] = []
    with transaction.atomic(), plan_progress_last() as progress:
        skip = connection.features.has_select_for_update_skip_locked
        rows = Worker.objects.select_for_update(skip_locked=skip).filter(
            pk=worker_id, ended_at=None, lease_until__lt=database_now()
        )
        worker = rows.first()
        if worker is None:
            return 0  # it came back to life, or somebody else is at it
        # Ended before the journal is read: from here on the worker cannot renew, so nothing it begins now can be
        # unknown to the journal and still be called (it asks its lease again after writing the line).
        worker.ended_at = database_now()
        worker.save(update_fields=["ended_at"])
        attempts = list(
            Attempt.objects.select_for_update(of=("self",))
            .select_related("request")
            .filter(worker=worker.id, state=AttemptState.MARKED)
            .order_by("id")
        )
        journal = read_journal(path=worker.journal, host=worker.host, boot_id=worker.boot_id)
        chunks: dict[tuple[UUID, UUID], list[Performed]] = defaultdict(list)
        for attempt in attempts:
            one = _read(attempt=attempt, journal=journal)
            if asker is not None and one.outcome.kind == "ambiguous" and can_be_asked(attempt.request):
                hand_over(attempt=attempt, asker=asker)
                asked.append(one)
            else:
                chunks[(attempt.workspace_id, attempt.chunk)].append(one)
        for (workspace_id, chunk_id), performed in sorted(chunks.items()):
            _settle(workspace_id=workspace_id, chunk_id=chunk_id, performed=performed, progress=progress)
    if asker is not None:
        by_id = {attempt.id: attempt for attempt in attempts}
        for one in asked:
            attempt = by_id[one.attempt_id]
            outcome = ask(attempt=attempt, first=one.outcome, asker=asker)
            if outcome is not None:
                with transaction.atomic(), plan_progress_last() as progress:
                    settled = [replace(one, outcome=outcome)]
                    _settle(
                        workspace_id=attempt.workspace_id, chunk_id=attempt.chunk, performed=settled, progress=progress
                    )
    for (workspace_id, _), performed in sorted(chunks.items()):
        _stop_broken_account(workspace_id=workspace_id, performed=performed)
    if attempts:
        logger.warning("Worker %s (%s) ended with %d requests unsettled.", worker.id, worker, len(attempts))
    if journal is not None:
        Path(worker.journal).unlink(missing_ok=True)
    return len(attempts)


def _settle(*, workspace_id: UUID, chunk_id: UUID, performed: Sequence[Performed], progress: PlanProgress) -> None:
    workspace = Workspace.objects.get(pk=workspace_id)
    settle(
        workspace=workspace,
        chunk_id=chunk_id,
        performed=performed,
        max_attempts=get_setting(key="max_attempts", workspace=workspace),
        actor=system_actor("recovery"),
        progress=progress,
    )


def _stop_broken_account(*, workspace_id: UUID, performed: Sequence[Performed]) -> None:
    """What the worker had learned of its account before it died: the next request would meet the same.

    After the commit, since stopping an account waits for the marks under way, and those may wait for the rows above.
    """
    broken = next((one for one in performed if one.outcome.kind == "misconfigured"), None)
    if broken is None:
        return
    workspace = Workspace.objects.get(pk=workspace_id)
    with workspace_scope(workspace):
        request = ExecutionRequest.objects.select_related("account").get(pk=broken.request_id)
        account_broken(workspace=workspace, account=request.account, detail=broken.outcome.detail)


def _read(*, attempt: Attempt, journal: Account | None) -> Performed:
    request = attempt.request
    return Performed(
        attempt_id=attempt.id,
        request_id=request.id,
        attempts_made=request.attempts_made,
        contact_id=request.contact_id,
        plan_id=request.plan_id,
        channel=request.channel,
        summary=request.summary,
        outcome=_outcome(attempt_id=attempt.id, journal=journal),
    )


def _outcome(*, attempt_id: UUID, journal: Account | None) -> Outcome:
    if journal is None:
        return Outcome(kind="ambiguous", detail="Its worker died, and that worker's journal cannot be read here.")
    if attempt_id in journal.ended:
        ended: dict[str, Any] = journal.ended[attempt_id]
        return Outcome(**ended)
    if attempt_id in journal.begun:
        return Outcome(kind="ambiguous", detail="Its worker died during the call.")
    return not_begun("worker_died")
