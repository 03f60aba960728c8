"""Dry run and modes: every channel goes through to its end, nothing leaves, and no mode runs what another approved."""

import json
from typing import Any

import pytest
from django.test import override_settings

from contacts.models import Contact
from execution import propose
from execution.channels import registry
from execution.models import ExecutionPlan, ExecutionRequest
from execution.services import decisions
from execution.states import Status
from tests.execution.channels.test_schemas import GOOD
from tests.support.engine import Engine
from workspaces.models import Mode
from workspaces.scope import workspace_scope
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.race

PAYLOADS: dict[str, dict[str, Any]] = {**GOOD, "agent": {"agent": "outreach", "inputs": {"goal": "Fund the grid"}}}


def approved(engine: Engine, channel: str = "email") -> ExecutionRequest:
    """An act of a channel that somebody approved, if it took that."""
    cast = engine.cast
    with workspace_scope(cast.workspace):
        reaches_someone = registry.get(channel).recipient_kind != "none"
    request = propose(
        workspace=cast.workspace,
        actor=cast.ada,
        channel=channel,
        contact=cast.alice if reaches_someone else None,
        payload=PAYLOADS[channel],
    )
    if request.status == Status.PENDING:
        decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)
    return engine.read(request.id)


def test_every_channel_runs_dry_to_its_end_and_nothing_leaves(engine: Engine):
    with override_settings(AGENT_DRY_RUN=True):
        requests = {channel: approved(engine, channel) for channel in registry.names()}
        planned = engine.approved_mails(7)
    with engine.manage("drain", AGENT_DRY_RUN="true") as drain:
        assert drain.wait() == 0, drain.output()
        log = drain.output()
    assert engine.sink.counts.connections == 0
    lines = {line["request"]: line for line in map(json.loads, dry_run_log(engine).splitlines())}
    for channel, request in requests.items():
        after = engine.read(request.id)
        assert (after.status, after.is_dry_run) == (Status.SUCCEEDED, True), (channel, after.wait_reason)
        assert lines[str(request.id)]["channel"] == channel
        assert f"[DRY RUN] {channel} request={request.id}" in log
    assert set(lines) == {str(request.id) for request in requests.values()} | {str(i) for i in planned}
    with workspace_scope(engine.cast.workspace):
        alice = Contact.objects.get(pk=engine.cast.alice.pk)
        plan = ExecutionPlan.objects.get()
    assert alice.last_dry_run_at and not alice.last_contacted_at
    assert (plan.performed, plan.performed_dry) == (7, 7)


def dry_run_log(engine: Engine) -> str:
    return (engine.folder / "dry-run-log.jsonl").read_text()


def test_what_was_approved_for_a_dry_run_never_goes_out(engine: Engine):
    with override_settings(AGENT_DRY_RUN=True):
        request = approved(engine)
    engine.drain()
    after = engine.read(request.id)
    assert (after.status, after.wait_reason) == (Status.APPROVED, "mode_changed")
    assert engine.sink.counts.connections == 0
    assert not (engine.folder / "dry-run-log.jsonl").exists()


@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.DRAFT_ONLY])
def test_what_was_approved_live_waits_while_another_mode_is_on(engine: Engine, mode: Mode):
    cast = engine.cast
    request = approved(engine)
    set_setting(key="mode", value=mode.value, workspace=cast.workspace, actor=cast.omar)
    engine.drain()
    after = engine.read(request.id)
    assert (after.status, after.wait_reason) == (Status.APPROVED, "mode_changed")
    assert engine.sink.counts.connections == 0
    set_setting(key="mode", value=Mode.LIVE.value, workspace=cast.workspace, actor=cast.omar)
    engine.drain()
    assert engine.sink.copies() == {request.id: 1}
