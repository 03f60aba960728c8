"""A call that was broken off, through a service that knows keys or can be asked: nobody has to say what became of it,
and each act has its effect once (P2).
"""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.test import override_settings

from execution import propose
from execution.models import Attempt, ExecutionRequest, Worker
from execution.services.accounts import save_account
from execution.services.decisions import approve
from execution.services.holds import set_hold
from execution.states import Status
from tests.support.engine import Engine
from tests.support.keyed_sink import KeyedSink
from tests.support.processes import wait_until
from workspaces.scope import workspace_scope

pytestmark = [pytest.mark.race, pytest.mark.slow]
CALLS = 5


@pytest.fixture
def sink() -> Iterator[KeyedSink]:
    with KeyedSink() as sink, override_settings(OUTBOUND_ALLOW_PRIVATE=True):
        yield sink


def approved_calls(engine: Engine, sink: KeyedSink, *, number: int = CALLS, **options: Any) -> set[UUID]:
    """That many webhooks through an account with these options, approved by Rosa."""
    cast = engine.cast
    save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Hooks",
        channel="webhook",
        provider="webhook",
        security="none",
        options=options,
        is_default=True,
        secret="a secret",
    )
    ids = set()
    for place in range(number):
        payload = {"url": f"{sink.url}/in", "method": "POST", "json": {"place": place}}
        request = propose(workspace=cast.workspace, actor=cast.ada, channel="webhook", payload=payload)
        approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)
        ids.add(request.id)
    return ids


def die_in_a_call(engine: Engine, sink: KeyedSink) -> None:
    """Kill a drain while the third call is in the service's hands."""
    sink.stall_at = 2
    with engine.manage("drain", ENGINE_LANES="1", OUTBOUND_ALLOW_PRIVATE="true") as drain:
        wait_until(sink.stalling.is_set, what="the call that hangs")
        os.kill(drain.pid, signal.SIGKILL)
        drain.wait()
    sink.stall_at = None


def once_each(ids: set[UUID]) -> dict[str, int]:
    return {str(request_id): 1 for request_id in ids}


@pytest.mark.parametrize("stalled_first", [True, False], ids=["not taken", "taken"])
def test_killed_during_a_keyed_call_nothing_is_uncertain_and_each_is_done_once(
    engine: Engine, sink: KeyedSink, stalled_first: bool
):
    ids = approved_calls(engine, sink, key_window_seconds=86_400)
    sink.stalled_first = stalled_first
    die_in_a_call(engine, sink)
    engine.recover()
    engine.drain()
    assert engine.with_status(Status.SUCCEEDED) == ids
    assert sink.done == once_each(ids)
    assert len(sink.calls) == CALLS + 1


def test_without_its_journal_the_whole_chunk_is_sent_again_under_its_keys(engine: Engine, sink: KeyedSink):
    ids = approved_calls(engine, sink, key_window_seconds=86_400)
    die_in_a_call(engine, sink)
    os.unlink(Worker.objects.get(ended_at=None).journal)
    engine.recover()
    assert engine.with_status(Status.SUCCEEDED) == ids
    assert sink.done == once_each(ids)


def test_after_the_keys_window_a_person_says(engine: Engine, sink: KeyedSink):
    approved_calls(engine, sink, key_window_seconds=3_600)
    die_in_a_call(engine, sink)
    with workspace_scope(engine.cast.workspace):
        Attempt.objects.update(marked_at=F("marked_at") - timedelta(hours=1))
    engine.recover()
    assert len(engine.with_status(Status.UNCERTAIN)) == 1
    assert len(sink.calls) == 3


def test_a_hold_keeps_a_recovery_from_calling_again(engine: Engine, sink: KeyedSink):
    approved_calls(engine, sink, key_window_seconds=3_600)
    die_in_a_call(engine, sink)
    set_hold(scope="workspace", reason="Stop.", actor=engine.cast.rosa, workspace=engine.cast.workspace)
    engine.recover()
    assert len(engine.with_status(Status.UNCERTAIN)) == 1
    assert len(sink.calls) == 3


@pytest.mark.parametrize("stalled_first", [True, False], ids=["not taken", "taken"])
def test_killed_during_a_call_that_can_be_looked_up_the_service_says(
    engine: Engine, sink: KeyedSink, stalled_first: bool
):
    ids = approved_calls(engine, sink, lookup_url=f"{sink.url}/acts/{{id}}")
    sink.stalled_first = stalled_first
    die_in_a_call(engine, sink)
    engine.recover()
    assert len(sink.calls) == 3
    assert len(sink.lookups) == 1
    with workspace_scope(engine.cast.workspace):
        ExecutionRequest.objects.filter(wait_reason="backoff").update(due_at=F("approved_at"))
    engine.drain()
    assert engine.with_status(Status.SUCCEEDED) == ids
    assert sink.done == once_each(ids)


def test_without_key_or_look_up_the_one_that_was_begun_is_uncertain(engine: Engine, sink: KeyedSink):
    ids = approved_calls(engine, sink)
    die_in_a_call(engine, sink)
    engine.recover()
    engine.drain()
    assert len(engine.with_status(Status.UNCERTAIN)) == 1
    assert sink.done == once_each(ids)
    assert len(sink.calls) == CALLS


def test_a_keyed_call_that_is_not_answered_is_made_again_at_once(engine: Engine, sink: KeyedSink):
    ids = approved_calls(engine, sink, number=1, key_window_seconds=3_600, answer_timeout=0.3)
    sink.stall_at = 0
    engine.drain()
    assert engine.with_status(Status.SUCCEEDED) == ids
    assert (len(sink.calls), sink.done) == (2, once_each(ids))


def test_an_answer_that_is_awaited_for_longer_than_the_key_is_known_leaves_it_to_a_person(
    engine: Engine, sink: KeyedSink
):
    ids = approved_calls(engine, sink, number=1, key_window_seconds=0.2, answer_timeout=0.3)
    sink.stall_at = 0
    engine.drain()
    assert engine.with_status(Status.UNCERTAIN) == ids
    assert len(sink.calls) == 1


def test_a_repetition_that_is_refused_says_nothing_of_the_first_call(engine: Engine, sink: KeyedSink):
    ids = approved_calls(engine, sink, number=1, key_window_seconds=3_600, answer_timeout=0.3)
    sink.stall_at = 0
    sink.status = lambda got: 200 if len(sink.calls) == 1 else 400
    engine.drain()
    assert engine.with_status(Status.UNCERTAIN) == ids
