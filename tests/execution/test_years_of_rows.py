"""With years of requests in the table, nothing that runs all day reads it from end to end."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from execution.engine.chunk import mark
from execution.engine.claim import due_workspaces
from execution.engine.load import GroundCache
from execution.engine.sweep import sweep
from execution.models import ExecutionRequest, ProviderAccount
from execution.selectors import history, pending, retention_preview
from execution.services.retention import CHUNK, retain
from execution.states import Status
from tests.builders import Cast, make_workspace
from tests.execution.arranged import approved_email, propose_email, put
from tests.support.many import Reads, give_revisions, multiply
from workspaces.actors import system_actor
from workspaces.admin.paging import COUNTED
from workspaces.ids import new_id
from workspaces.scope import all_workspaces

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

OPEN, DUE_TO_GO = 500, 600


@pytest.fixture(params=[20_000, pytest.param(200_000, marks=pytest.mark.faults)])
def years(request: pytest.FixtureRequest, cast: Cast, account: ProviderAccount) -> None:
    """So many settled requests; 600 that are to go; 1,000 open ones, half of them due; ten real ones."""
    settled: int = request.param
    one = propose_email(cast)
    multiply(one, number=OPEN, status=Status.PENDING)
    multiply(one, number=DUE_TO_GO, status=Status.SUCCEEDED, settled_ago=timedelta(days=900))
    give_revisions(one)
    multiply(propose_email(cast), number=OPEN, status=Status.APPROVED)
    multiply(propose_email(cast), number=settled, status=Status.SUCCEEDED, settled_ago=timedelta(days=0))
    for _ in range(10):
        put(cast, approved_email(cast), priority=90)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _claim(cast: Cast) -> None:
    with all_workspaces("a worker serves every workspace"):
        assert cast.workspace.pk in due_workspaces(manual=True)
    with cast.scope(), transaction.atomic():
        claim = mark(
            workspace_id=cast.workspace.pk,
            worker_id=new_id(),
            cache=GroundCache(),
            manual=True,
            at_most=10,
            actor=system_actor("executor"),
        )
        assert claim.chunk is not None and len(claim.chunk.members) == 10


def _queue(cast: Cast) -> None:
    with cast.scope():
        for mine in (True, False):
            assert len(pending(workspace=cast.workspace, actor=cast.rosa, mine=mine)[:50]) == 50


def _history(cast: Cast) -> None:
    with cast.scope():
        assert len(history(workspace=cast.workspace)[:50]) == 50


def _page(address: str) -> Callable[[Cast], None]:
    def look(cast: Cast) -> None:
        client = Client()
        client.force_login(cast.user_of("omar"))
        assert client.get(f"/w/demo/admin/{address}").status_code == 200

    return look


def _preview(cast: Cast) -> None:
    with cast.scope():
        assert retention_preview(workspace=cast.workspace).lines[0].count == DUE_TO_GO


def _retain(cast: Cast) -> None:
    answers = iter([True, False])
    assert retain(workspace=cast.workspace, may_go_on=lambda: next(answers))["demo"].deleted == {"requests": CHUNK}


def test_nothing_that_runs_all_day_reads_the_whole_table(cast: Cast, years: None) -> None:
    acts = {
        "the claim": _claim,
        "the queue": _queue,
        "the queue's page": _page("queue/"),
        "the history": _history,
        "the history's page": _page("execution/executionrequest/?stage=settled"),
        "the preview": _preview,
        "retention": _retain,
        "the next retention": _retain_the_rest,
    }
    by_scan, by_index = {}, {}
    for name, act in acts.items():
        with Reads(ExecutionRequest) as reads:
            act(cast)
        by_scan[name], by_index[name] = reads.rows_by_scan, reads.rows_by_index
    # The list's capped counts may take the first rows they meet, and stop there.
    assert by_scan.pop("the history's page") <= 2 * (COUNTED + 10)
    assert set(by_scan.values()) == {0}, by_scan
    # The foreign keys are looked up too: a few rows for each request that goes.
    assert by_index["retention"] < 20 * CHUNK


def _retain_the_rest(cast: Cast) -> None:
    assert retain(workspace=cast.workspace)["demo"].deleted == {"requests": DUE_TO_GO - CHUNK}


def test_the_sweep_reads_what_there_is_to_do_and_no_workspace_that_has_nothing(cast: Cast, years: None) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as taken:
            sweep()
        return len(taken)

    with Reads(ExecutionRequest) as reads:
        few = statements()
    for place in range(20):
        make_workspace(f"other{place}")
    assert statements() == few
    assert reads.rows_by_scan <= 1  # whether anything is due: the first row says it
    assert reads.rows_by_index <= 2 * OPEN
