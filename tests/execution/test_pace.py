"""The pace of an account: a slot for each call, and who has none within reach waits for its turn.

The database's clock stands still here, so that there are as many slots as within two seconds of one moment. Who really
calls when is tested in tests/promises/test_pace.py.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution.engine.preflight import preflight
from execution.models import AccountPace, ExecutionRequest, LimitMark, ProviderAccount
from execution.services.accounts import save_account
from execution.services.limits import set_limit
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import again, approved_email, drain_due, put
from tests.machine.recorder import Service
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import InvalidInput
from workspaces.models import AuditEntry, Mode
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.django_db


def set_pace(cast: Cast, account: ProviderAccount, per_second: int | None) -> None:
    save_account(workspace=cast.workspace, actor=cast.omar, account_id=account.pk, per_second=per_second)


@pytest.fixture
def paced(cast: Cast, account: ProviderAccount, clock: StoppedClock) -> ProviderAccount:
    """One a second: two slots are within reach."""
    set_pace(cast, account, 1)
    return account


def waiting(cast: Cast) -> list[ExecutionRequest]:
    with cast.scope():
        return list(ExecutionRequest.objects.filter(status=Status.APPROVED).order_by("due_at"))


def test_no_more_are_marked_than_have_their_turn_soon(cast: Cast, service: Service, paced: ProviderAccount) -> None:
    for _ in range(4):
        approved_email(cast)
    drain_due(cast)
    assert len(service.calls) == 2
    assert [row.wait_reason for row in waiting(cast)] == ["limit:pace"] * 2


def test_who_waits_is_looked_at_before_its_turn_and_is_never_overdue_by_that(
    cast: Cast, service: Service, paced: ProviderAccount, clock: StoppedClock
) -> None:
    began = database_now()
    for _ in range(4):
        approved_email(cast)
    drain_due(cast)
    slots = [began + timedelta(seconds=1.1 * place) for place in (2, 3)]
    for row, slot in zip(waiting(cast), slots, strict=True):
        assert row.due_at is not None
        assert slot - timedelta(seconds=2) <= row.due_at <= slot - timedelta(seconds=1)
        assert row.overdue_from == row.due_at
    clock.advance(3)
    drain_due(cast)
    assert waiting(cast) == []


def test_a_new_one_lines_up_behind_those_that_wait(
    cast: Cast, service: Service, paced: ProviderAccount, clock: StoppedClock
) -> None:
    for _ in range(4):
        approved_email(cast)
    drain_due(cast)
    late = approved_email(cast)
    drain_due(cast)
    assert [row.pk for row in waiting(cast)][-1] == late.pk


def test_one_that_was_looked_at_too_early_keeps_its_place(cast: Cast, service: Service, paced: ProviderAccount) -> None:
    for _ in range(5):
        approved_email(cast)
    drain_due(cast)
    told = [(row.pk, row.due_at) for row in waiting(cast)]
    for pk, _ in told:
        put(cast, ExecutionRequest(pk=pk), due_at=database_now())
    drain_due(cast)
    assert sorted(due for _, due in told if due) == [row.due_at for row in waiting(cast)]


def test_waiting_for_its_turn_takes_no_place_in_a_limit(cast: Cast, service: Service, paced: ProviderAccount) -> None:
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", count=3)
    for _ in range(4):
        approved_email(cast)
    drain_due(cast)
    assert LimitMark.objects.count() == 2


def test_what_a_limit_stops_takes_no_slot(cast: Cast, service: Service, paced: ProviderAccount) -> None:
    began = database_now()
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", count=1)
    for _ in range(2):
        approved_email(cast)
    drain_due(cast)
    assert AccountPace.objects.get().last_slot_at == began


def test_a_new_pace_counts_from_the_last_call(
    cast: Cast, service: Service, account: ProviderAccount, clock: StoppedClock
) -> None:
    set_pace(cast, account, 1000)
    approved_email(cast)
    drain_due(cast)
    set_pace(cast, account, 1)
    first, second = approved_email(cast), approved_email(cast)
    drain_due(cast)
    assert {again(cast, first).status, again(cast, second).status} == {Status.APPROVED, Status.SUCCEEDED}


def test_an_account_without_a_pace_costs_nothing(cast: Cast, service: Service, account: ProviderAccount) -> None:
    approved_email(cast)
    with CaptureQueriesContext(connection) as queries:
        drain_due(cast)
    assert [query for query in queries if "accountpace" in str(query["sql"])] == []


def test_a_dry_run_keeps_no_pace(cast: Cast, service: Service, paced: ProviderAccount) -> None:
    set_setting(key="mode", value=Mode.DRY_RUN.value, workspace=cast.workspace, actor=cast.omar)
    cast.workspace.refresh_from_db()
    for _ in range(4):
        approved_email(cast)
    drain_due(cast)
    assert (waiting(cast), AccountPace.objects.exists()) == ([], False)


def test_it_says_when_its_turn_is_and_takes_none_by_asking(
    cast: Cast, service: Service, paced: ProviderAccount, clock: StoppedClock
) -> None:
    asked = approved_email(cast)
    assert preflight(request=asked).would_send
    assert not AccountPace.objects.exists()
    put(cast, asked, due_at=database_now() + timedelta(hours=1))
    for _ in range(2):
        approved_email(cast)
    drain_due(cast)
    told = preflight(request=again(cast, asked))
    (stop,) = [check for check in told.checks if not check.ok]
    assert stop.name == "limits"
    assert "The account Recorder makes 1 calls a second" in stop.detail
    assert told.earliest is not None
    clock.advance((told.earliest - database_now()).total_seconds())
    assert preflight(request=again(cast, asked)).would_send


def test_it_says_of_one_in_line_when_it_is_looked_at(cast: Cast, service: Service, paced: ProviderAccount) -> None:
    for _ in range(5):
        approved_email(cast)
    drain_due(cast)
    last = waiting(cast)[-1]
    assert preflight(request=again(cast, last)).earliest == last.due_at


@pytest.mark.parametrize("value", [0, -1, "many", 40_000])
def test_it_refuses_a_pace_that_is_none(cast: Cast, account: ProviderAccount, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_pace(cast, account, value)
    assert set(refused.value.fields) == {"per_second"}


def test_a_change_of_the_pace_is_on_record_and_looked_at_now(
    cast: Cast, service: Service, paced: ProviderAccount
) -> None:
    for _ in range(3):
        approved_email(cast)
    drain_due(cast)
    set_pace(cast, paced, None)
    assert AuditEntry.objects.filter(action="account.saved").latest("id").data["fields"] == "per_second"
    drain_due(cast)
    assert waiting(cast) == []


@pytest.mark.parametrize("name", ["pace", "warm_up"])
def test_it_refuses_a_limit_that_would_be_taken_for_it(cast: Cast, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_limit(workspace=cast.workspace, actor=cast.omar, name=name, scope="workspace", count=5, period_seconds=60)
    assert set(refused.value.fields) == {"name"}
