"""What was approved is changed behind Django, by SQL: nothing of it is sent, a person is asked again and sees what
changed, an alert is on record, and nothing else is held up by it.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution import propose
from execution.errors import SealBroken
from execution.models import Alert, Decision, ExecutionRequest, GateState, Part, RequestGate, Revision
from execution.services import decisions
from execution.states import Status
from tests.support.engine import Engine
from workspaces.canonical import canonical_json, sha256_hex
from workspaces.clock import database_now
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

SUBJECT = "A hearing on Tuesday"
_numbers = count(1)


def approved(engine: Engine, *, name: str = "reader", **window: Any) -> ExecutionRequest:
    """A mail of Ada's to somebody, approved by Rosa."""
    workspace, cast = engine.cast.workspace, engine.cast
    request = propose(
        workspace=workspace,
        actor=cast.ada,
        channel="email",
        to=f"{name}@example.org",
        payload={"subject": SUBJECT, "text": "Dear reader,", "attachments": [attachment()]},
        **window,
    )
    return decisions.approve(workspace=workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)


def attachment() -> dict[str, str]:
    """One that no other request has: contents are kept once."""
    content = b64encode(f"A bill, number {next(_numbers)}.".encode()).decode()
    return {"filename": "bill.txt", "content_type": "text/plain", "content_base64": content}


def on_request(assignment: str) -> Callable[[Engine, ExecutionRequest], None]:
    def change(engine: Engine, request: ExecutionRequest) -> None:
        engine.sql(f"UPDATE execution_executionrequest SET {assignment} WHERE id = %s", request.id)  # noqa: S608

    return change


def on_revision(assignment: str) -> Callable[[Engine, ExecutionRequest], None]:
    def change(engine: Engine, request: ExecutionRequest) -> None:
        engine.sql(f"UPDATE execution_revision SET {assignment} WHERE request_id = %s", request.id)  # noqa: S608

    return change


def document_with_its_digests(engine: Engine, request: ExecutionRequest) -> None:
    """Everything that can be made to fit without a decision."""
    document = request.document
    document["payload"]["subject"] = "A hoax"
    text = canonical_json(document).decode()
    digest = sha256_hex(text.encode())
    engine.sql(
        "UPDATE execution_revision SET document = %s, digest = %s WHERE request_id = %s", text, digest, request.id
    )
    engine.sql("UPDATE execution_executionrequest SET digest = %s WHERE id = %s", digest, request.id)


def frozen_bytes(place: int) -> Callable[[Engine, ExecutionRequest], None]:
    def change(engine: Engine, request: ExecutionRequest) -> None:
        part = request.document["wire"][place]
        engine.sql("UPDATE execution_part SET content = content || 'x'::bytea WHERE sha256 = %s", part)

    return change


def other_contact(engine: Engine, request: ExecutionRequest) -> None:
    engine.sql("UPDATE execution_executionrequest SET contact_id = %s WHERE id = %s", engine.cast.bob.id, request.id)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change by SQL, and the field that people are to be shown; where no new revision can be made of what is left,
    how the request ends instead.
    """

    apply: Callable[[Engine, ExecutionRequest], None]
    field: str = ""
    ends: tuple[Status, str] = (Status.PENDING, "")
    alert: str = "seal_mismatch"


DESTROYED = (Status.CANCELLED, "")
UNREADABLE = (Status.APPROVED, "unreadable")

CHANGES = {
    "recipient": Change(apply=on_request("\"to\" = 'thief@example.net'"), field="to"),
    "mode": Change(apply=on_request("mode = 'draft_only'"), field="mode"),
    "expiry": Change(apply=on_request("expires_at = now() + interval '9 days'"), field="window.expires_at"),
    "no expiry": Change(apply=on_request("expires_at = NULL"), field="window.expires_at"),
    "schedule": Change(apply=on_request("scheduled_for = now() - interval '1 day'"), field="window.scheduled_for"),
    "contact": Change(apply=other_contact, field="contact"),
    "channel": Change(apply=on_request("channel = 'sms'"), ends=DESTROYED),
    "unknown channel": Change(apply=on_request("channel = 'pigeon'"), ends=UNREADABLE, alert="unreadable"),
    "digest": Change(apply=on_request("digest = repeat('0', 64)"), field="digest"),
    "no document": Change(apply=on_request("current_id = NULL"), ends=DESTROYED),
    "words": Change(apply=on_revision(f"document = replace(document, '{SUBJECT}', 'A hoax')"), field="payload.subject"),
    "words and digests": Change(apply=document_with_its_digests, field="payload.subject"),
    "sealed digest": Change(apply=on_revision("digest = repeat('0', 64)"), field="digest"),
    "broken document": Change(apply=on_revision("document = left(document, 40)"), ends=DESTROYED),
    "document of another kind": Change(apply=on_revision("document = '[]'"), ends=DESTROYED),
    "payload of another kind": Change(apply=on_revision('document = \'{"payload": {"cc": 5}}\''), ends=DESTROYED),
    "frozen mail": Change(apply=frozen_bytes(0), field="wire"),
    "frozen attachment": Change(apply=frozen_bytes(1), field="wire"),
}


def state(engine: Engine, request: ExecutionRequest) -> ExecutionRequest:
    return engine.read(request.id)


def alerts_about(engine: Engine, request_id: UUID) -> list[str]:
    with workspace_scope(engine.cast.workspace):
        return list(Alert.objects.filter(request_id=request_id).values_list("kind", flat=True))


def open_gates(engine: Engine, request_id: UUID) -> list[str]:
    with workspace_scope(engine.cast.workspace):
        rows = RequestGate.objects.filter(request_id=request_id, state=GateState.OPEN)
        return list(rows.values_list("name", flat=True))


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_after_its_approval_is_not_sent_and_waits_again(shared_engine: Engine, name: str):
    engine, change = shared_engine, CHANGES[name]
    spoiled = approved(engine, expires_at=database_now() + timedelta(days=5))
    untouched = approved(engine, name="another")
    change.apply(engine, spoiled)
    engine.drain()
    assert engine.sink.copies()[spoiled.id] == 0
    assert engine.sink.copies()[untouched.id] == 1
    assert alerts_about(engine, spoiled.id) == [change.alert]
    now = state(engine, spoiled)
    assert (now.status, now.wait_reason) == change.ends
    if not change.field:
        return
    assert open_gates(engine, spoiled.id) == ["HR_LANG"]
    assert now.revision == spoiled.revision + 1
    assert now.current is not None
    assert change.field in [one["field"] for one in now.current.drift]


@pytest.mark.parametrize("name", ["digest", "frozen mail", "frozen attachment", "expiry"])
def test_what_was_put_right_and_approved_again_goes_out_as_it_was_written(shared_engine: Engine, name: str):
    engine = shared_engine
    request = approved(engine, expires_at=database_now() + timedelta(days=5))
    CHANGES[name].apply(engine, request)
    engine.drain()
    again = state(engine, request)
    decisions.approve(
        workspace=engine.cast.workspace, actor=engine.cast.rosa, request_id=request.id, digest=again.digest
    )
    engine.drain()
    assert engine.sink.copies()[request.id] == 1
    (mail,) = [one for one in engine.sink.messages if str(request.id) in one.message_id]
    with workspace_scope(engine.cast.workspace):
        parts = dict(Part.objects.filter(sha256__in=again.document["wire"]).values_list("sha256", "content"))
    assert mail.content.partition(b"\r\n")[2] == b"".join(bytes(parts[part]) for part in again.document["wire"])
    assert b64encode(b"A bill, number ") in mail.content


def test_without_its_decisions_nothing_is_sent(shared_engine: Engine):
    engine = shared_engine
    request = approved(engine)
    engine.sql("DELETE FROM execution_decision WHERE request_id = %s", request.id)
    engine.drain()
    assert engine.sink.copies()[request.id] == 0
    assert state(engine, request).status == Status.PENDING
    assert open_gates(engine, request.id) == ["HR_LANG"]
    assert alerts_about(engine, request.id) == ["approval_void"]


def test_what_nobody_approved_is_not_sent_for_being_called_approved(shared_engine: Engine):
    engine = shared_engine
    cast = engine.cast
    payload = {"subject": SUBJECT, "text": "Dear reader,"}
    request = propose(
        workspace=cast.workspace, actor=cast.ada, channel="email", to="reader@example.org", payload=payload
    )
    engine.sql("UPDATE execution_executionrequest SET status = 'approved', due_at = now() WHERE id = %s", request.id)
    engine.drain()
    assert engine.sink.copies()[request.id] == 0
    assert state(engine, request).status == Status.PENDING
    assert open_gates(engine, request.id) == ["HR_LANG"]


def test_an_expiry_moved_into_the_past_ends_it(shared_engine: Engine):
    engine = shared_engine
    request = approved(engine, expires_at=database_now() + timedelta(days=5))
    on_request("expires_at = now() - interval '1 hour'")(engine, request)
    engine.drain()
    assert engine.sink.copies()[request.id] == 0
    assert state(engine, request).status == Status.EXPIRED


def test_an_alert_reopens_nothing_else(shared_engine: Engine):
    """A change that is found while a request waits at its gate refuses the decision, and is told."""
    engine = shared_engine
    cast = engine.cast
    payload = {"subject": SUBJECT, "text": "Dear reader,"}
    request = propose(
        workspace=cast.workspace, actor=cast.ada, channel="email", to="reader@example.org", payload=payload
    )
    on_revision(f"document = replace(document, '{SUBJECT}', 'A hoax')")(engine, request)
    with pytest.raises(SealBroken):
        decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)
    assert alerts_about(engine, request.id) == ["seal_mismatch"]
    assert state(engine, request).status == Status.PENDING


COLUMNS = st.sampled_from(
    [
        ("execution_executionrequest", "id", column)
        for column in ("to", "mode", "channel", "digest", "revision", "expires_at", "scheduled_for", "account_id")
    ]
    + [("execution_revision", "request_id", column) for column in ("document", "digest", "number", "field_hashes")]
    + [("execution_decision", "request_id", column) for column in ("digest", "revision", "verdict", "principal_id")]
    + [("execution_requestgate", "request_id", column) for column in ("name", "state", "revision")]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(changes=st.lists(COLUMNS, min_size=1, max_size=3), seed=st.integers(0, 2**32))
def test_whatever_is_changed_nothing_goes_out_but_what_was_approved(shared_engine: Engine, changes: Any, seed: int):
    engine = shared_engine
    request = approved(engine, expires_at=database_now() + timedelta(days=5))
    approved_bytes = wire_of(engine, request)
    for table, key, column in changes:
        value = VALUES[column](engine, seed)
        engine.sql(f'UPDATE {table} SET "{column}" = %s WHERE {key} = %s', value, request.id)  # noqa: S608
    engine.drain()
    mails = [one for one in engine.sink.messages if str(request.id) in one.message_id]
    assert [mail.content.partition(b"\r\n")[2] for mail in mails] in ([], [approved_bytes])
    assert all(mail.recipients == ["reader@example.org"] for mail in mails)
    after = state(engine, request)
    if not mails:
        assert after.status in (Status.PENDING, Status.CANCELLED, Status.EXPIRED) or after.wait_reason == "unreadable"
        assert alerts_about(engine, request.id) or after.status == Status.EXPIRED


VALUES: dict[str, Callable[[Engine, int], Any]] = {
    "to": lambda engine, seed: f"thief{seed}@example.net",
    "mode": lambda engine, seed: ["dry_run", "draft_only", "live"][seed % 3],
    "channel": lambda engine, seed: ["sms", "press", "webhook", "pigeon"][seed % 4],
    "digest": lambda engine, seed: sha256_hex(str(seed).encode()),
    "revision": lambda engine, seed: seed % 4,
    "number": lambda engine, seed: seed % 4,
    "expires_at": lambda engine, seed: database_now() + timedelta(hours=seed % 100 - 50),
    "scheduled_for": lambda engine, seed: database_now() - timedelta(hours=seed % 100),
    "account_id": lambda engine, seed: None,
    "document": lambda engine, seed: json.dumps({"payload": {"subject": str(seed)}, "wire": [], "mode": "live"}),
    "field_hashes": lambda engine, seed: json.dumps({"to": str(seed)}),
    "verdict": lambda engine, seed: ["approve", "reject"][seed % 2],
    "principal_id": lambda engine, seed: [engine.cast.ada, engine.cast.sam, engine.cast.vic][seed % 3].principal_id,
    "name": lambda engine, seed: ["HR_OPS", "HR_LANG"][seed % 2],
    "state": lambda engine, seed: ["open", "passed", "closed", "superseded"][seed % 4],
}


def wire_of(engine: Engine, request: ExecutionRequest) -> bytes:
    with workspace_scope(engine.cast.workspace):
        wire = Revision.objects.get(request=request, digest=request.digest).as_dict()["wire"]
        contents = dict(Part.objects.filter(sha256__in=wire).values_list("sha256", "content"))
        assert Decision.objects.filter(request=request, digest=request.digest).exists()
    return b"".join(bytes(contents[part]) for part in wire)
