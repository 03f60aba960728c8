"""Accounts under approved work: another host, user or sender asks again; one that cannot be used stops, and loses
nothing.
"""

from typing import Any

import pytest
from django.test import override_settings

from execution import propose
from execution.models import Alert, ExecutionRequest, ProviderAccount
from execution.services import decisions
from execution.services.accounts import resume_account, save_account
from execution.states import Status
from tests.support.engine import Engine
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race

OTHER_KEY = "b3RoZXIta2V5LW9mLTMyLWJ5dGVzLWZvci10ZXN0cyE="


def account_of(engine: Engine, name: str, **fields: Any) -> ProviderAccount:
    """An account with the test's own mail server."""
    return save_account(
        workspace=engine.cast.workspace,
        actor=engine.cast.omar,
        name=name,
        channel="email",
        provider="smtp",
        host="127.0.0.1",
        port=engine.sink.port,
        security="none",
        from_email="office@example.org",
        from_name="The office",
        secret="a secret",
        **fields,
    )


def approved(engine: Engine, account: ProviderAccount) -> ExecutionRequest:
    cast = engine.cast
    request = propose(
        workspace=cast.workspace,
        actor=cast.ada,
        channel="email",
        to="reader@example.org",
        payload={"subject": "A hearing", "text": "Dear reader,"},
        account=account,
    )
    return decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)


def kinds_of_alerts(engine: Engine) -> set[str]:
    with workspace_scope(engine.cast.workspace):
        return set(Alert.objects.values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "localhost"),
        ("port", 2525),
        ("username", "somebody"),
        ("security", "starttls"),
        ("from_email", "other@example.org"),
        ("from_name", "Another office"),
    ],
)
def test_what_was_approved_under_another_account_waits_again(shared_engine: Engine, field: str, value: Any):
    engine = shared_engine
    account = account_of(engine, name=f"account for {field}")
    request = approved(engine, account)
    save_account(workspace=engine.cast.workspace, actor=engine.cast.omar, account_id=account.id, **{field: value})
    engine.drain()
    assert engine.sink.copies()[request.id] == 0
    now = engine.read(request.id)
    assert now.status == Status.PENDING
    assert now.current is not None
    sealed = {"username": "user"}.get(field, field)
    (change,) = now.current.drift
    assert (change["field"], change["now"]) == (f"sender.{sealed}", value)
    assert "seal_mismatch" in kinds_of_alerts(engine)


def test_a_secret_that_no_key_opens_stops_the_account_and_loses_nothing(shared_engine: Engine):
    engine = shared_engine
    with override_settings(CREDENTIALS_KEY=[OTHER_KEY]):
        account = account_of(engine, name="under another key")
    requests = [approved(engine, account) for _ in range(3)]
    before = engine.sink.counts.connections
    engine.drain()
    assert engine.sink.counts.connections == before
    assert {engine.read(request.id).wait_reason for request in requests} == {"account_stopped"}
    with workspace_scope(engine.cast.workspace):
        assert ProviderAccount.objects.get(pk=account.id).state == "stopped"
    assert "account_stopped" in kinds_of_alerts(engine)
    workspace, omar = engine.cast.workspace, engine.cast.omar
    save_account(workspace=workspace, actor=omar, account_id=account.id, secret="a secret")
    resume_account(workspace=workspace, actor=omar, account_id=account.id)
    engine.drain()
    assert {engine.sink.copies()[request.id] for request in requests} == {1}
