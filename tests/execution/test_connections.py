"""At an account no more connections at once than it allows: who finds none free takes other work, or waits a moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from execution.engine.connections import Connections
from execution.engine.drain import drain
from execution.models import ExecutionRequest, ProviderAccount
from execution.services.accounts import save_account
from execution.services.lifecycle import run_now
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import again, approved_email, drain_due, other_account
from tests.machine.recorder import Answer, Call, Service
from workspaces.errors import Conflict, InvalidInput
from workspaces.models import Mode
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.django_db


@contextmanager
def lanes_elsewhere(account: ProviderAccount, *, number: int = 1) -> Iterator[threading.Event]:
    """So many other lanes have a connection to the account until the event is set, or the block ends."""
    leave, here = threading.Event(), threading.Barrier(number + 1)

    def use() -> None:
        connections = Connections()
        try:
            assert connections.may_use(account)
            here.wait(10)
            leave.wait(60)
        finally:
            connections.close()
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        here.wait(10)
        yield leave
    finally:
        leave.set()
        for thread in threads:
            thread.join()


def allow(cast: Cast, account: ProviderAccount, connections: int) -> ProviderAccount:
    return save_account(workspace=cast.workspace, actor=cast.omar, account_id=account.pk, max_connections=connections)


@pytest.fixture
def one_at_once(cast: Cast, account: ProviderAccount) -> ProviderAccount:
    """The account allows a single connection."""
    return allow(cast, account, 1)


def statuses(cast: Cast, *requests: ExecutionRequest) -> list[str]:
    return [again(cast, request).status for request in requests]


def test_nothing_is_begun_while_others_have_every_connection(
    cast: Cast, service: Service, one_at_once: ProviderAccount
) -> None:
    request = approved_email(cast)
    with lanes_elsewhere(one_at_once):
        result = drain(workspace=cast.workspace, lanes=1, seconds=0.3)
    assert (service.calls, result.claimed, result.crowded) == ([], 0, 1)
    waits = again(cast, request)
    assert (waits.status, waits.wait_reason, waits.attempts_made) == (Status.APPROVED, "", 0)


def test_one_more_connection_is_used_where_the_account_allows_it(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    request, account = approved_email(cast), allow(cast, account, 3)
    with lanes_elsewhere(account, number=2):
        drain_due(cast)
    assert statuses(cast, request) == [Status.SUCCEEDED]


def test_what_another_account_carries_goes_meanwhile(
    cast: Cast, service: Service, one_at_once: ProviderAccount
) -> None:
    first, other = approved_email(cast), approved_email(cast, account=other_account(cast).id)
    with lanes_elsewhere(one_at_once):
        drain(workspace=cast.workspace, lanes=1, seconds=0.3)
    assert statuses(cast, first, other) == [Status.APPROVED, Status.SUCCEEDED]


def test_it_goes_on_with_the_connection_that_comes_free(
    cast: Cast, service: Service, one_at_once: ProviderAccount
) -> None:
    first, other = approved_email(cast), approved_email(cast, account=other_account(cast).id)
    with lanes_elsewhere(one_at_once) as leave:

        def the_others_leave(call: Call) -> None:
            leave.set()

        service.script.after = the_others_leave
        drain_due(cast)
    assert statuses(cast, first, other) == [Status.SUCCEEDED] * 2


def test_a_drain_gives_its_connections_back(cast: Cast, service: Service, one_at_once: ProviderAccount) -> None:
    approved_email(cast)
    drain_due(cast)
    with lanes_elsewhere(one_at_once):
        assert len(service.calls) == 1


def test_a_drain_that_breaks_gives_them_back_too(cast: Cast, service: Service, one_at_once: ProviderAccount) -> None:
    def the_queue_ends_it(call: Call) -> Answer:
        raise SystemExit

    approved_email(cast)
    service.script.before = the_queue_ends_it
    with pytest.raises(SystemExit):
        drain_due(cast)
    with lanes_elsewhere(one_at_once):
        assert len(service.calls) == 1


def test_a_rehearsal_needs_none(cast: Cast, service: Service, one_at_once: ProviderAccount) -> None:
    set_setting(key="mode", value=Mode.DRY_RUN, workspace=cast.workspace, actor=cast.omar)
    request = approved_email(cast)
    with lanes_elsewhere(one_at_once):
        drain_due(cast)
    assert statuses(cast, request) == [Status.SUCCEEDED]


def test_run_now_says_that_every_connection_is_in_use(
    cast: Cast, service: Service, one_at_once: ProviderAccount
) -> None:
    request = approved_email(cast)
    with lanes_elsewhere(one_at_once), pytest.raises(Conflict, match="all connections that its account allows"):
        run_now(workspace=cast.workspace, actor=cast.omar, request_id=request.id)
    assert (service.calls, statuses(cast, request)) == ([], [Status.APPROVED])


def test_a_lane_has_one_connection_however_often_it_asks(cast: Cast, account: ProviderAccount) -> None:
    account = allow(cast, account, 2)
    connections = Connections()
    assert connections.may_use(account)
    assert connections.may_use(account)
    with lanes_elsewhere(account):
        pass
    connections.close()


def test_a_lane_leaves_a_place_that_the_account_allows_no_more(cast: Cast, account: ProviderAccount) -> None:
    account = allow(cast, account, 2)
    connections = Connections()
    with lanes_elsewhere(account):
        assert connections.may_use(account)
        account = allow(cast, account, 1)
        assert not connections.may_use(account)
    connections.leave_idle()
    assert connections.may_use(account)
    connections.close()


def test_an_account_that_was_given_none_before_they_counted_has_one(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    with cast.scope():
        ProviderAccount.objects.filter(pk=account.pk).update(max_connections=0)
    request = approved_email(cast)
    drain_due(cast)
    assert statuses(cast, request) == [Status.SUCCEEDED]


@pytest.mark.parametrize("number", [0, 1_001])
def test_it_refuses_a_number_that_no_account_can_have(cast: Cast, account: ProviderAccount, number: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        allow(cast, account, number)
    assert set(refused.value.fields) == {"max_connections"}
