"""Plans go with the last of their requests; what is cleared is not proposed anew under its key; its links say so."""

import pytest
from django.apps import apps
from django.test import Client

from contacts.models import Suppression
from execution import propose
from execution.engine.drain import drain
from execution.models import ExecutionPlan, ProviderAccount, SpentKey
from execution.selectors import plan_progress, request_detail
from execution.services.freeze import unsubscribe_url
from execution.services.retention import retain
from execution.states import Status
from tests.builders import Cast, OtherCast
from tests.execution.arranged import PAYLOAD, approved_email, propose_email, put
from tests.execution.retention.arranged import YEARS, left, plan_of_two, rejected
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import Conflict, NotFound


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
