"""The dry run: every act is rehearsed to its end, and nothing leaves."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configuration
from django.test import override_settings

from execution import propose, propose_plan
from execution.channels import registry
from execution.engine.guards import GUARDS
from execution.engine.preflight import preflight
from execution.models import Attempt, AttemptState, ExecutionRequest, LimitMark, ProviderAccount, Verdict
from execution.providers.dry_run import DryRunEntry
from execution.services import decisions
from execution.services.editing import reseal
from execution.services.limits import set_limit
from execution.states import Status
from execution.types import Proposal
from tests.builders import Cast
from tests.execution.arranged import PAYLOAD, again, approved_email, drain_due
from tests.execution.channels.test_schemas import GOOD
from tests.machine.recorder import Service
from workspaces.models import AuditEntry, Mode
from workspaces.settings_store import set_setting

KEYS = [field.name for field in fields(DryRunEntry)]
TO = {"email": "alice@example.org", "press": "alice@example.org", "sms": "+12025550101", "voice": "+12025550101"}


@pytest.fixture(autouse=True)
def log(tmp_path: Path) -> Iterator[Path]:
    """This test's own dry-run log and journals."""
    with override_settings(JOURNAL_DIR=tmp_path / "journal", DRY_RUN_LOG=tmp_path / "dry-run.jsonl"):
        yield tmp_path / "dry-run.jsonl"


@pytest.fixture
def rehearsing(cast: Cast) -> Cast:
    """The workspace in a dry run."""
    set_mode(cast, Mode.DRY_RUN)
    return cast


def set_mode(cast: Cast, mode: Mode) -> None:
    set_setting(key="mode", value=mode.value, workspace=cast.workspace, actor=cast.omar)
    cast.workspace.refresh_from_db()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def approved(cast: Cast, channel: str) -> ExecutionRequest:
    """One good proposal of a channel, approved by Rosa where it takes a person."""
    request = propose(
        workspace=cast.workspace, actor=cast.ada, channel=channel, payload=GOOD[channel], to=TO.get(channel)
    )
    if request.status == Status.PENDING:
        decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)
    return request


@pytest.mark.parametrize("channel", list(GOOD))
def test_it_carries_every_channel_to_its_end(rehearsing: Cast, log: Path, channel: str) -> None:
    request = approved(rehearsing, channel)
    drain_due(rehearsing)
    done = again(rehearsing, request)
    assert (done.status, done.is_dry_run) == (Status.SUCCEEDED, True)
    (line,) = lines(log)
    assert list(line) == KEYS
    assert (line["request"], line["channel"], line["payload_digest"]) == (str(done.id), channel, done.digest)


def test_every_channel_is_rehearsed_here() -> None:
    assert set(registry.names()) - set(GOOD) <= {"agent"}  # the campaigns' own, rehearsed there


def test_it_tells_who_would_have_been_reached_and_which_checks_passed(
    rehearsing: Cast, account: ProviderAccount
) -> None:
    request = approved_email(rehearsing, payload={**PAYLOAD, "cc": ["bob@example.org"]})
    drain_due(rehearsing)
    (line,) = lines(Path(configuration.DRY_RUN_LOG))
    assert line["to"] == ["alice@example.org", "bob@example.org"]
    assert (line["workspace"], line["provider"], line["would_send"]) == ("demo", "recorder", True)
    assert [check["name"] for check in line["checks"]] == [guard.name for guard in GUARDS]
    assert all(check["ok"] for check in line["checks"])
    assert line["summary"] == request.summary


def test_it_calls_no_provider(rehearsing: Cast, service: Service, account: ProviderAccount) -> None:
    approved_email(rehearsing)
    drain_due(rehearsing)
    assert service.calls == []


def test_it_says_where_no_account_would_have_sent_it(rehearsing: Cast, log: Path) -> None:
    approved(rehearsing, "webhook")
    drain_due(rehearsing)
    (line,) = lines(log)
    assert (line["provider"], line["would_send"]) == ("", False)


def test_it_marks_the_attempt_and_the_record_as_a_rehearsal(rehearsing: Cast) -> None:
    request = approved_email(rehearsing)
    drain_due(rehearsing)
    with rehearsing.scope():
        attempt = Attempt.objects.get(request=request)
    assert attempt.state == AttemptState.DRY_RUN
    assert AuditEntry.objects.filter(action="request.dry_run", subject_id=request.id).count() == 1
    assert not AuditEntry.objects.filter(action="request.succeeded").exists()


def test_it_flags_the_contact(rehearsing: Cast) -> None:
    approved_email(rehearsing)
    drain_due(rehearsing)
    with rehearsing.scope():
        rehearsing.alice.refresh_from_db()
    assert rehearsing.alice.last_dry_run_at is not None
    assert rehearsing.alice.last_contacted_at is None


def test_it_flags_the_plan(rehearsing: Cast) -> None:
    items = [Proposal(channel="email", payload=PAYLOAD, contact=rehearsing.alice.id) for _ in range(2)]
    plan = propose_plan(
        workspace=rehearsing.workspace, actor=rehearsing.ada, title="Letters", goal="To be heard", items=items
    )
    with rehearsing.scope():
        digest = decisions.plan_digest(plan=plan)
    decisions.decide_plan(
        workspace=rehearsing.workspace,
        actor=rehearsing.rosa,
        plan_id=plan.id,
        verdict=Verdict.APPROVE,
        digest=digest,
    )
    drain_due(rehearsing)
    with rehearsing.scope():
        plan.refresh_from_db()
    assert (plan.performed, plan.performed_dry) == (2, 2)


def test_it_stands_outside_every_limit(rehearsing: Cast) -> None:
    set_limit(workspace=rehearsing.workspace, actor=rehearsing.omar, name="email_send", count=0)
    request = approved_email(rehearsing)
    drain_due(rehearsing)
    assert again(rehearsing, request).status == Status.SUCCEEDED
    assert not LimitMark.objects.exists()


# Another mode than the one it was approved in.


@pytest.mark.parametrize(
    ("sealed", "now"),
    [(a, b) for a in Mode for b in Mode if a != b],
)
def test_what_was_approved_in_one_mode_waits_in_another(
    cast: Cast, service: Service, account: ProviderAccount, sealed: Mode, now: Mode
) -> None:
    set_mode(cast, sealed)
    request = approved_email(cast)
    set_mode(cast, now)
    drain_due(cast)
    waits = again(cast, request)
    assert (waits.status, waits.wait_reason, service.calls) == (Status.APPROVED, "mode_changed", [])
    with cast.scope():
        answer = preflight(request=waits)
    assert [check.name for check in answer.checks if not check.ok] == ["mode"]


def test_it_goes_for_real_once_it_was_sealed_and_approved_again(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    set_mode(cast, Mode.DRY_RUN)
    request = approved_email(cast)
    set_mode(cast, Mode.LIVE)
    sealed = reseal(workspace=cast.workspace, actor=cast.ada, request_id=request.id)
    assert (sealed.status, sealed.mode) == (Status.PENDING, Mode.LIVE)
    decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=sealed.digest)
    drain_due(cast)
    done = again(cast, request)
    assert (done.status, done.is_dry_run, len(service.calls)) == (Status.SUCCEEDED, False, 1)


def test_in_draft_mode_the_provider_keeps_a_draft(cast: Cast, service: Service, account: ProviderAccount) -> None:
    set_mode(cast, Mode.DRAFT_ONLY)
    request = approved_email(cast)
    drain_due(cast)
    assert again(cast, request).status == Status.SUCCEEDED
    assert [call.drafted for call in service.calls] == [True]


def test_the_installations_dry_run_binds_every_workspace(
    cast: Cast, service: Service, account: ProviderAccount, settings: Any
) -> None:
    settings.AGENT_DRY_RUN = True
    request = approved_email(cast)
    drain_due(cast)
    assert (again(cast, request).is_dry_run, service.calls) == (True, [])
