"""A drain over named requests."""

import pytest
from django.db import connection

from execution.errors import ForgetfulDatabase
from execution.models import ProviderAccount
from execution.services.limits import set_limit
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import again, approved_email, drain_due, other_account
from tests.machine.recorder import Answer, Service


def test_it_performs_all_of_them_in_as_many_chunks_as_it_takes(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    requests = [approved_email(cast), approved_email(cast, account=other_account(cast).id)]
    drain_due(cast, *requests)
    assert [again(cast, request).status for request in requests] == [Status.SUCCEEDED] * 2


def test_it_looks_at_each_once_though_it_could_be_tried_again(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    service.script.before = lambda call: Answer.BUSY
    requests = [approved_email(cast), approved_email(cast, account=other_account(cast).id)]
    drain_due(cast, *requests)
    assert [(r.status, r.attempts_made) for r in (again(cast, one) for one in requests)] == [(Status.APPROVED, 1)] * 2
    assert len(service.calls) == 2


def test_it_performs_nothing_else(cast: Cast, service: Service, account: ProviderAccount) -> None:
    named, other = approved_email(cast), approved_email(cast)
    drain_due(cast, named)
    assert (again(cast, named).status, again(cast, other).status) == (Status.SUCCEEDED, Status.APPROVED)


def test_copies_of_a_mail_count_towards_a_limit(cast: Cast, service: Service, account: ProviderAccount) -> None:
    copied = {"subject": "Hi", "text": "Dear Alice,\n", "cc": ["b@example.net"], "bcc": ["c@example.net"]}
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", count=3)
    requests = [approved_email(cast, payload=copied), approved_email(cast)]
    drain_due(cast, *requests)
    last = again(cast, requests[1])
    assert (again(cast, requests[0]).status, last.status) == (Status.SUCCEEDED, Status.APPROVED)
    assert last.wait_reason == "limit:email_send"


def test_it_sends_nothing_on_the_word_of_a_database_that_may_forget(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    request = approved_email(cast)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    with pytest.raises(ForgetfulDatabase, match="synchronous_commit is off"):
        drain_due(cast, request)
    assert again(cast, request).status == Status.APPROVED
