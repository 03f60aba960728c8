"""A plan's row is shared by all who work on the plan: nobody holds it while they wait for, or do, anything else."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution import propose_plan
from execution.models import ExecutionPlan, ExecutionRequest, ProviderAccount, Verdict
from execution.services import decisions
from execution.services.canaries import go_on
from execution.states import CANARY, Status
from execution.types import Proposal
from tests.builders import Cast, make_cast
from tests.execution.arranged import PAYLOAD, drain_due, other_account
from tests.machine.recorder import Service
from tests.support.processes import wait_until
from workspaces.settings_store import set_setting


def approved_plan(cast: Cast, *items: Proposal) -> ExecutionPlan:
    plan = propose_plan(workspace=cast.workspace, actor=cast.ada, title="Letters", items=items)
    with cast.scope():
        digest = decisions.plan_digest(plan=plan)
    decisions.decide_plan(
        workspace=cast.workspace, actor=cast.rosa, plan_id=plan.id, verdict=Verdict.APPROVE, digest=digest
    )
    return plan


def letter(number: int = 1, **more: object) -> Proposal:
    return Proposal(channel="email", to=f"person{number}@example.net", payload=PAYLOAD, **more)  # type: ignore[arg-type]


def test_the_row_is_written_right_before_the_commit(cast: Cast, service: Service, account: ProviderAccount) -> None:
    # Two accounts, so two chunks: the first is settled with the mark of the second, the second by itself.
    plan = approved_plan(cast, letter(1), letter(2, account=other_account(cast).id))
    with CaptureQueriesContext(connection) as queries:
        drain_due(cast)
    told = [query["sql"] for query in queries]
    writes = [place for place, sql in enumerate(told) if sql.startswith('UPDATE "execution_executionplan"')]
    assert [told[place + 1].split()[0] for place in writes] == ["RELEASE", "RELEASE"]
    with cast.scope():
        assert ExecutionPlan.objects.get(pk=plan.pk).performed == 2


@pytest.mark.race
def test_a_plan_that_is_let_go_on_keeps_no_mark_waiting(live_db: str) -> None:
    cast = make_cast()
    set_setting(key="canary_above", value=1, workspace=cast.workspace, actor=cast.omar)
    plan = approved_plan(cast, letter(1), letter(2))
    with cast.scope():
        (rest,) = ExecutionRequest.objects.filter(plan=plan, canary=False)
        ExecutionRequest.objects.filter(pk=rest.pk).update(wait_reason=CANARY)
        assert rest.status == Status.APPROVED

    def let_go_on() -> None:
        try:
            go_on(workspace=cast.workspace, actor=cast.rosa, plan_id=plan.pk, reason="I called them.")
        finally:
            connection.close()

    with psycopg.connect(live_db) as marking, ThreadPoolExecutor(1) as pool:
        marking.execute("SELECT 1 FROM execution_executionrequest WHERE id = %s FOR UPDATE", [rest.pk])
        continued = pool.submit(let_go_on)
        with psycopg.connect(live_db, autocommit=True) as watching:
            wait_until(
                lambda: watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None,
                what="the rest to be woken, which the mark has in hand",
            )
        # As the mark does before its commit. Raises LockNotAvailable where the row is held.
        marking.execute("SELECT 1 FROM execution_executionplan WHERE id = %s FOR NO KEY UPDATE NOWAIT", [plan.pk])
        marking.commit()
        continued.result()
    with cast.scope():
        assert ExecutionRequest.objects.get(pk=rest.pk).overdue_from is not None
