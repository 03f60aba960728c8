"""What was known of a request is kept before it is carried out."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.services import erase_contact
from execution.engine.drain import drain
from execution.models import ExecutionRequest, Snapshot
from execution.services.accounts import save_account
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import PAYLOAD, again, approved_email, drain_due, put

pytestmark = pytest.mark.django_db
SECRET = "a password nobody reads"


@pytest.fixture
def account(cast: Cast, settings: Any) -> None:
    settings.AGENT_DRY_RUN = True  # rehearsed: the mark is the same
    save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Outreach",
        channel="email",
        provider="smtp",
        host="127.0.0.1",
        port=2525,
        security="none",
        from_email="outreach@demo.example",
        is_default=True,
        username="outreach",
        secret=SECRET,
    )


def snapshots(cast: Cast, request: ExecutionRequest) -> list[Snapshot]:
    with cast.scope():
        return list(Snapshot.objects.filter(request=request).order_by("revision"))


def test_it_names_request_contact_account_policy_and_decisions(cast: Cast, account: None) -> None:
    request = approved_email(cast)
    drain_due(cast)
    (one,) = snapshots(cast, request)
    document = one.document
    assert document["request"]["digest"] == request.digest
    assert document["request"]["to"] == ["alice@example.org"]
    assert document["contact"]["name"] == cast.alice.name
    assert document["account"]["host"] == "127.0.0.1"
    assert document["policy"]["version"] == request.policy_version
    assert [one["by"] for one in document["decisions"]] == [str(cast.rosa.principal_id)]
    assert SECRET not in json.dumps(document)


def test_a_second_try_keeps_what_was_known_at_the_first(cast: Cast, account: None) -> None:
    request = approved_email(cast)
    drain_due(cast)
    (first,) = snapshots(cast, request)
    put(cast, request, status=Status.APPROVED, due_at=first.taken_at)
    drain_due(cast)
    assert again(cast, request).attempts_made == 2
    assert [one.taken_at for one in snapshots(cast, request)] == [first.taken_at]


def test_what_is_stopped_leaves_none(cast: Cast, account: None) -> None:
    request = approved_email(cast)
    put(cast, request, to="mallory@example.org")
    drain_due(cast)
    assert snapshots(cast, request) == []


def test_an_erased_person_is_in_none(cast: Cast, account: None, django_capture_on_commit_callbacks: Any) -> None:
    request = approved_email(cast)
    drain_due(cast)
    with django_capture_on_commit_callbacks(execute=True):
        erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=cast.alice.id)
    assert [one.document for one in snapshots(cast, request)] == [{"erased": True}]


def test_a_mark_of_many_asks_as_often_as_of_one(cast: Cast, account: None) -> None:
    counts = []
    for number in (1, 6):
        for place in range(number):
            approved_email(cast, payload={**PAYLOAD, "subject": f"Number {place}"})
        with CaptureQueriesContext(connection) as queries:
            drain(workspace=cast.workspace, lanes=1)
        counts.append(sum("execution_snapshot" in query["sql"] for query in queries))
    assert counts == [1, 1]
