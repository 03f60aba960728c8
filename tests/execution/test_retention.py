"""Retention: what is over for long enough goes for good, and nothing else does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from contacts.models import Contact, Suppression
from execution import propose
from execution.engine.drain import drain
from execution.models import (
    Alert,
    ExecutionPlan,
    ExecutionRequest,
    LimitMark,
    Part,
    PartUse,
    ProviderAccount,
    RetentionRun,
    SpentKey,
    Worker,
)
from execution.selectors import plan_progress, request_detail, retention_preview
from execution.services import decisions
from execution.services.alerts import raise_alert
from execution.services.editing import edit_request
from execution.services.freeze import unsubscribe_url
from execution.services.limits import set_limit
from execution.services.once import propose_plan_once
from execution.services.retention import CHUNK, retain
from execution.states import ENDED, Status
from execution.types import Proposal
from tests.builders import Cast, OtherCast, make_cast
from tests.execution.arranged import PAYLOAD, approved_email, propose_email, put
from tests.support.clock import StoppedClock
from tests.support.many import multiply
from tests.support.processes import wait_until
from workspaces.audit.sealer import seal_once
from workspaces.audit.verify import verify
from workspaces.clock import database_now
from workspaces.errors import Conflict, NotFound
from workspaces.models import AuditEntry, Installation
from workspaces.services import update_workspace

YEARS = timedelta(days=800).total_seconds()  # longer than a workspace keeps by itself
ATTACHMENT = {"filename": "plan.txt", "content_type": "text/plain", "content_base64": "dGhlIHBsYW4="}
WITH_ATTACHMENT = {**PAYLOAD, "attachments": [ATTACHMENT]}


def rejected(cast: Cast, **more: Any) -> ExecutionRequest:
    """A mail that Rosa rejected."""
    request = propose_email(cast, **more)
    return decisions.reject(
        workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest, reason="No."
    )


def left(cast: Cast) -> set[Any]:
    with cast.scope():
        return set(ExecutionRequest.objects.values_list("pk", flat=True))


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


def test_an_attachment_stays_as_long_as_somebody_needs_it(cast: Cast, clock: StoppedClock) -> None:
    first, second = rejected(cast, payload=WITH_ATTACHMENT), propose_email(cast, payload=WITH_ATTACHMENT)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope():
        assert left(cast) == {second.pk} != {first.pk}
        kept = {bytes(part.content) for part in Part.objects.all()}
        assert b"the plan" in kept
        put(cast, second, status=Status.REJECTED, settled_at=database_now())
        clock.advance(YEARS)
        retain(workspace=cast.workspace)
        assert (Part.objects.count(), PartUse.objects.count()) == (0, 0)


def test_an_attachment_that_an_edit_left_behind_is_noted_too(cast: Cast, clock: StoppedClock) -> None:
    request = propose_email(cast, payload=WITH_ATTACHMENT)
    edit_request(
        workspace=cast.workspace, actor=cast.ada, request_id=request.pk, payload={**PAYLOAD, "subject": "Without"}
    )
    put(cast, request, status=Status.REJECTED, settled_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope():
        assert not Part.objects.exists()


def test_an_attachment_that_is_taken_up_at_this_moment_stays(live_db: str) -> None:
    cast = make_cast()
    request = rejected(cast, payload=WITH_ATTACHMENT)
    put(cast, request, settled_at=database_now() - timedelta(days=800))
    with psycopg.connect(live_db) as proposing:
        proposing.execute("SELECT 1 FROM execution_part FOR KEY SHARE")
        retain(workspace=cast.workspace)
    with cast.scope():
        assert b"the plan" in {bytes(part.content) for part in Part.objects.all()}


def test_an_attachment_that_is_deleted_at_this_moment_is_made_anew(live_db: str) -> None:
    cast = make_cast()
    rejected(cast, payload=WITH_ATTACHMENT)

    def propose_it_again() -> None:
        try:
            propose_email(cast, payload=WITH_ATTACHMENT)
        finally:
            connection.close()

    with psycopg.connect(live_db) as deleting, ThreadPoolExecutor(1) as pool:
        deleting.execute("DELETE FROM execution_part")
        proposed = pool.submit(propose_it_again)
        with psycopg.connect(live_db, autocommit=True) as watching:
            wait_until(
                lambda: watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None,
                what="the proposal to wait for the deletion",
            )
        deleting.commit()
        proposed.result()
    with cast.scope():
        assert b"the plan" in {bytes(part.content) for part in Part.objects.all()}


def test_the_uses_of_what_was_there_before_are_found(cast: Cast) -> None:
    propose_email(cast, payload=WITH_ATTACHMENT)
    propose_email(cast)
    migration = import_module("execution.migrations.0017_uses_of_parts")
    with cast.scope():
        noted = set(PartUse.objects.values_list("request_id", "sha256"))
        PartUse.objects.all().delete()
        migration.note_uses(apps, None)
        assert set(PartUse.objects.values_list("request_id", "sha256")) == noted != set()


# Plans.


def plan_of_two(cast: Cast) -> tuple[ExecutionPlan, list[ExecutionRequest]]:
    items = [
        Proposal(channel="email", contact=contact.pk, payload=PAYLOAD, idempotency_key=f"both#{place}")
        for place, contact in enumerate((cast.alice, cast.bob))
    ]
    plan, _ = propose_plan_once(workspace=cast.workspace, actor=cast.ada, title="Both", goal="", items=items)
    with cast.scope():
        return plan, list(plan.requests.order_by("id"))


def test_a_plan_goes_with_the_last_of_its_requests(cast: Cast, clock: StoppedClock) -> None:
    plan, (first, second) = plan_of_two(cast)
    put(cast, first, status=Status.SUCCEEDED, settled_at=database_now())
    put(cast, second, status=Status.UNCERTAIN, settled_at=database_now())
    with cast.scope():
        ExecutionPlan.objects.update(performed=1)
        clock.advance(YEARS)
        retain(workspace=cast.workspace)
        plan.refresh_from_db()
        progress = plan_progress([plan])[plan.pk]
        assert (progress.total, progress.settled, progress.performed) == (2, 1, 1)
        put(cast, second, status=Status.SUCCEEDED, settled_at=database_now())
        clock.advance(YEARS)
        assert retain(workspace=cast.workspace)["demo"].deleted["plans"] == 1
        assert not ExecutionPlan.objects.exists()


def test_what_went_first_stays_until_the_rest_of_its_plan_is_over(cast: Cast, clock: StoppedClock) -> None:
    _, (first, rest) = plan_of_two(cast)
    put(cast, first, status=Status.SUCCEEDED, settled_at=database_now(), canary=True)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    assert left(cast) == {first.pk, rest.pk}
    put(cast, rest, status=Status.CANCELLED, settled_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    assert left(cast) == set()


def test_a_task_outlives_its_plan(cast: Cast, clock: StoppedClock) -> None:
    plan, requests = plan_of_two(cast)
    task_model = apps.get_model("campaigns", "Task")
    with cast.scope():
        task = task_model.objects.create(
            workspace=cast.workspace, title="Write", created_by_id=cast.ada.principal_id, plan=plan
        )
        for request in requests:
            put(cast, request, status=Status.EXPIRED, settled_at=database_now())
        clock.advance(YEARS)
        retain(workspace=cast.workspace)
        task.refresh_from_db()
    assert task.plan_id is None


def test_nothing_is_added_to_a_plan_that_is_cleared(cast: Cast, clock: StoppedClock) -> None:
    plan, requests = plan_of_two(cast)
    for request in requests:
        put(cast, request, status=Status.EXPIRED, settled_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with pytest.raises(NotFound):
        propose_email(cast, plan=plan)


# Never twice.


def test_it_refuses_a_key_whose_request_is_cleared(cast: Cast, clock: StoppedClock) -> None:
    rejected(cast, idempotency_key="order 1 of Alice Adams")
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with pytest.raises(Conflict) as refused:
        propose_email(cast, idempotency_key="order 1 of Alice Adams")
    assert list(refused.value.fields) == ["idempotency_key"]
    with cast.scope():
        assert "Alice" not in SpentKey.objects.get().key_hash


def test_it_refuses_a_plan_whose_key_is_spent(cast: Cast, clock: StoppedClock) -> None:
    _, requests = plan_of_two(cast)
    for request in requests:
        put(cast, request, status=Status.EXPIRED, settled_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with pytest.raises(Conflict):
        plan_of_two(cast)
    assert left(cast) == set()


def test_another_workspace_may_use_the_same_key(cast: Cast, other: OtherCast, clock: StoppedClock) -> None:
    rejected(cast, idempotency_key="one")
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    theirs = propose(
        workspace=other.workspace,
        actor=other.olga,
        channel="email",
        contact=other.oscar,
        payload=PAYLOAD,
        idempotency_key="one",
    )
    assert theirs.status == Status.PENDING


# Links that people still have.


def test_the_unsubscribe_link_of_a_cleared_mail_works(
    cast: Cast, clock: StoppedClock, account: ProviderAccount
) -> None:
    sent = approved_email(cast)
    drain(manual=True, lanes=1)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    link = unsubscribe_url(request_id=sent.pk).partition("://")[2].partition("/")[2]
    assert Client().post(f"/{link}").status_code == 200
    with cast.scope():
        assert Suppression.objects.filter(address=cast.alice.email, lifted_at=None, reason="opt_out").exists()


def test_the_link_to_what_is_cleared_says_so(cast: Cast, clock: StoppedClock) -> None:
    request = rejected(cast)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope(), pytest.raises(NotFound, match="Retention cleared this request on"):
        request_detail(workspace=cast.workspace, request_id=request.pk)


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


# The preview and the command.


def test_the_preview_says_what_the_run_deletes(cast: Cast, clock: StoppedClock) -> None:
    _, requests = plan_of_two(cast)
    for request in requests:
        put(cast, request, status=Status.EXPIRED, settled_at=database_now())
    propose_email(cast)
    clock.advance(YEARS)
    with cast.scope():
        preview = retention_preview(workspace=cast.workspace)
    told = {line.kind: line.count for line in preview.lines if line.count}
    assert told == retain(workspace=cast.workspace)["demo"].deleted == {"requests": 2, "plans": 1}


def test_the_preview_counts_no_further_than_ten_thousand(cast: Cast) -> None:
    multiply(propose_email(cast), number=10_001, status=Status.SUCCEEDED, settled_ago=timedelta(days=800))
    with cast.scope():
        assert retention_preview(workspace=cast.workspace).lines[0].shown == "10,000+"


def test_the_command_says_what_would_go_and_deletes_nothing(cast: Cast, clock: StoppedClock, capsys: Any) -> None:
    request = rejected(cast)
    clock.advance(YEARS)
    call_command("retention", "--preview")
    assert left(cast) == {request.pk}
    told = capsys.readouterr().out
    assert "demo: keeps 730 days" in told
    assert "1  Requests that are over" in told


def test_the_command_deletes(cast: Cast, clock: StoppedClock, capsys: Any) -> None:
    rejected(cast)
    clock.advance(YEARS)
    call_command("retention", "--workspace", "demo")
    assert "demo: deleted 1 requests" in capsys.readouterr().out


def test_the_command_refuses_a_workspace_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call_command("retention", "--workspace", "nowhere")
