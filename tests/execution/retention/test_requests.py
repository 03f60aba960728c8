"""Retention: what is over for long enough goes for good, and nothing else does."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection

from contacts.models import Contact, Suppression
from execution import propose
from execution.engine.drain import drain
from execution.models import Alert, ExecutionRequest, LimitMark, Part, ProviderAccount, RetentionRun, Worker
from execution.services.alerts import raise_alert
from execution.services.limits import set_limit
from execution.services.retention import CHUNK, retain
from execution.states import ENDED, Status
from tests.builders import Cast, OtherCast, make_cast
from tests.execution.arranged import PAYLOAD, approved_email, propose_email, put
from tests.execution.retention.arranged import YEARS, left, rejected
from tests.support.clock import StoppedClock
from tests.support.many import multiply
from workspaces.audit.sealer import seal_once
from workspaces.audit.verify import verify
from workspaces.clock import database_now
from workspaces.errors import Conflict
from workspaces.models import AuditEntry, Installation
from workspaces.services import update_workspace


def rows_about(request_id: Any) -> dict[str, int]:
    """How many rows of each table of ours have the request as `request_id`, but those that outlive it."""
    found = {}
    for model in apps.get_models():
        names = {str(field.column) for field in model._meta.concrete_fields}
        if "request_id" in names and model._meta.app_label == "execution" and model is not Alert:
            with connection.cursor() as cursor:
                table = model._meta.db_table
                cursor.execute(f'SELECT count(*) FROM "{table}" WHERE request_id = %s', [request_id])  # noqa: S608
                found[table] = cursor.fetchone()[0]
    return found


# What goes.


def test_what_is_over_for_long_goes_with_all_that_hangs_on_it(
    cast: Cast, clock: StoppedClock, account: ProviderAccount
) -> None:
    sent = approved_email(cast)
    drain(manual=True, lanes=1)
    assert min(rows_about(sent.pk).values()) == 0 < sum(rows_about(sent.pk).values())
    clock.advance(YEARS)
    assert retain(workspace=cast.workspace)["demo"].deleted["requests"] == 1
    assert set(rows_about(sent.pk).values()) == {0}
    with cast.scope():
        assert not Part.objects.exists()


@pytest.mark.parametrize("status", sorted(ENDED))
def test_every_end_is_an_end(cast: Cast, clock: StoppedClock, status: Status) -> None:
    request = propose_email(cast)
    put(cast, request, status=status, settled_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    assert left(cast) == set()


def test_it_takes_a_chunk_at_a_time_and_puts_each_on_record(cast: Cast) -> None:
    multiply(propose_email(cast), number=CHUNK + 1, status=Status.SUCCEEDED, settled_ago=timedelta(days=800))
    assert retain(workspace=cast.workspace)["demo"].deleted == {"requests": CHUNK + 1}
    entries = AuditEntry.objects.filter(action="retention.deleted", workspace=cast.workspace).order_by("id")
    assert [(entry.data["kind"], entry.data["rows"]) for entry in entries] == [("requests", CHUNK), ("requests", 1)]


def test_a_run_that_was_stopped_is_gone_on_with(cast: Cast) -> None:
    multiply(propose_email(cast), number=CHUNK + 1, status=Status.SUCCEEDED, settled_ago=timedelta(days=800))
    answers = iter([True, False])
    stopped = retain(workspace=cast.workspace, may_go_on=lambda: next(answers))["demo"]
    assert (stopped.is_complete, stopped.deleted) == (False, {"requests": CHUNK})
    assert retain(workspace=cast.workspace)["demo"].is_complete
    with cast.scope():
        (run,) = RetentionRun.objects.all()
    assert (run.is_complete, run.deleted) == (True, {"requests": CHUNK + 1})


def test_the_oldest_go_first(cast: Cast) -> None:
    request = propose_email(cast)
    multiply(request, number=CHUNK + 1, status=Status.SUCCEEDED, settled_ago=timedelta(days=800))
    with cast.scope():
        newest = ExecutionRequest.objects.filter(settled_at__isnull=False).order_by("-settled_at", "-id")[0]
    answers = iter([True, False])
    retain(workspace=cast.workspace, may_go_on=lambda: next(answers))
    assert left(cast) == {request.pk, newest.pk}


def test_the_workspace_says_for_how_long(cast: Cast, clock: StoppedClock) -> None:
    rejected(cast)
    clock.advance(timedelta(days=91).total_seconds())
    assert retain(workspace=cast.workspace)["demo"].deleted == {}
    update_workspace(workspace=cast.workspace, actor=cast.omar, retention_days=90)
    cast.workspace.refresh_from_db()
    assert retain(workspace=cast.workspace)["demo"].deleted["requests"] == 1


def test_the_dry_run_s_log_forgets_what_went(
    cast: Cast, clock: StoppedClock, settings: Any, tmp_path: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.DRY_RUN_LOG = tmp_path / "dry-run.jsonl"
    settings.AGENT_DRY_RUN = True
    approved_email(cast)
    drain(manual=True, lanes=1)
    clock.advance(YEARS)
    assert b"alice@example.org" in settings.DRY_RUN_LOG.read_bytes()
    with django_capture_on_commit_callbacks(execute=True):
        retain(workspace=cast.workspace)
    assert b"alice@example.org" not in settings.DRY_RUN_LOG.read_bytes()


def test_alerts_that_are_over_go_and_others_stay(cast: Cast, clock: StoppedClock) -> None:
    for name in ("over", "open"):
        raise_alert(workspace_id=cast.workspace.pk, kind="complaint", fingerprint=name, title=name)
    with cast.scope():
        Alert.objects.filter(fingerprint="over").update(resolved_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope():
        assert list(Alert.objects.values_list("fingerprint", flat=True)) == ["open"]


def test_workers_that_ended_and_marks_no_window_reaches_go(
    cast: Cast, clock: StoppedClock, account: ProviderAccount
) -> None:
    approved_email(cast)
    drain(manual=True, lanes=1)
    assert (Worker.objects.count(), LimitMark.objects.exists()) == (1, True)
    clock.advance(timedelta(days=91).total_seconds())
    cleared = retain()[""]
    assert cleared.deleted["workers"] == 1
    assert (Worker.objects.exists(), LimitMark.objects.exists()) == (False, False)


def test_marks_stay_while_any_window_reaches_them(cast: Cast, clock: StoppedClock, account: ProviderAccount) -> None:
    set_limit(
        workspace=cast.workspace, actor=cast.omar, name="yearly", scope="workspace", count=9, period_seconds=31_536_000
    )
    approved_email(cast)
    drain(manual=True, lanes=1)
    before = LimitMark.objects.count()
    clock.advance(timedelta(days=200).total_seconds())
    retain()
    assert LimitMark.objects.count() == before > 0


# What stays.


@pytest.mark.parametrize("status", sorted(set(Status) - ENDED))
def test_what_is_not_over_stays_however_old(cast: Cast, clock: StoppedClock, status: Status) -> None:
    request = propose_email(cast)
    settled = database_now() if status == Status.UNCERTAIN else None
    put(cast, request, status=status, settled_at=settled, chunk=request.pk)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    assert left(cast) == {request.pk}


def test_the_other_workspace_is_left_alone(cast: Cast, other: OtherCast, clock: StoppedClock) -> None:
    theirs = propose(workspace=other.workspace, actor=other.olga, channel="email", contact=other.oscar, payload=PAYLOAD)
    with other.scope():
        ExecutionRequest.objects.update(status=Status.REJECTED, settled_at=database_now())
    clock.advance(YEARS)
    assert set(retain(workspace=cast.workspace)) == {"demo"}
    with other.scope():
        assert ExecutionRequest.objects.filter(pk=theirs.pk).exists()


def test_contacts_keep_when_they_were_last_contacted(cast: Cast, clock: StoppedClock, account: ProviderAccount) -> None:
    approved_email(cast)
    drain(manual=True, lanes=1)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope():
        alice = Contact.objects.get(pk=cast.alice.pk)
        assert (alice.last_contacted_channel, alice.timeline.filter(kind="contacted").count()) == ("email", 1)
        assert Suppression.objects.filter(lifted_at=None).count() == 2


def test_the_audit_chain_stands_before_and_after(live_db: str) -> None:
    cast = make_cast()
    request = rejected(cast)
    put(cast, request, settled_at=database_now() - timedelta(days=800))
    seal_once()
    assert verify(workspace_id=cast.workspace.id).bad is None
    before = AuditEntry.objects.count()
    retain()
    seal_once()
    assert (verify(workspace_id=cast.workspace.id).bad, left(cast)) == (None, set())
    assert AuditEntry.objects.count() == before + 1


# When it does not.


def test_it_deletes_nothing_in_a_database_that_nobody_resumed(cast: Cast, clock: StoppedClock) -> None:
    request = rejected(cast)
    clock.advance(YEARS)
    Installation.objects.update_or_create(
        pk=1, defaults={"restored_at": database_now(), "identity": "", "adopted_at": database_now()}
    )
    with pytest.raises(Conflict):
        retain()
    assert left(cast) == {request.pk}


def test_two_at_once_leave_a_workspace_to_the_first(live_db: str) -> None:
    cast = make_cast()
    request = rejected(cast)
    put(cast, request, settled_at=database_now() - timedelta(days=800))
    with psycopg.connect(live_db) as first:
        first.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x6A7F, (cast.workspace.id.int & 0x7FFFFFFF) or 1])
        assert "demo" not in retain()
    assert left(cast) == {request.pk}


def test_it_does_not_wait_for_who_acts_on_a_request(live_db: str) -> None:
    cast = make_cast()
    busy, idle = rejected(cast), rejected(cast)
    for request in (busy, idle):
        put(cast, request, settled_at=database_now() - timedelta(days=800))
    with psycopg.connect(live_db) as acting:
        acting.execute("SELECT 1 FROM execution_executionrequest WHERE id = %s FOR UPDATE", [busy.pk])
        retain(workspace=cast.workspace)
        assert left(cast) == {busy.pk}
