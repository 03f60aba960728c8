"""A host that is cut off for a minute while it sends, beside one that goes on.

The other host does not believe a journal that is not its own, and gives the one cut off time to come back and read it
(OTHER_HOST_SECONDS). So only the calls that were under way are uncertain, and not the whole chunks.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.db.models import QuerySet

from execution.models import Attempt, Worker
from tests.faults.checker import judge, wait_for_rest
from tests.faults.deaths import open_calls, uncertain_attempts
from tests.support.database import database_on
from tests.support.engine import Engine, installation
from tests.support.hosts import HERE, Host, hosts
from tests.support.postgres import Server
from tests.support.processes import wait_until
from tests.support.redis_server import redis_server
from workspaces.clock import database_now
from workspaces.scope import workspace_scope

pytestmark = [pytest.mark.race, pytest.mark.netns]

CUT_OFF_FOR = 60.0


@pytest.fixture
def two_hosts() -> Iterator[list[Host]]:
    with hosts(2) as made:
        yield made


def calls_under_way(host: Host) -> set[UUID]:
    """What the journals of the workers on a host have as begun."""
    journals = Worker.objects.filter(host=host.name, ended_at=None).values_list("journal", flat=True)
    return {attempt for journal in journals for attempt in open_calls(Path(journal))}


def marked_on(engine: Engine, host: Host) -> QuerySet[Attempt]:
    """The attempts of the workers of a host."""
    with workspace_scope(engine.cast.workspace):
        return Attempt.objects.filter(
            worker__in=list(Worker.objects.filter(host=host.name).values_list("pk", flat=True))
        )


def works_since(engine: Engine, host: Host, moment: datetime) -> bool:
    """Whether something was marked there after that moment."""
    with workspace_scope(engine.cast.workspace):
        return marked_on(engine, host).filter(marked_at__gt=moment).exists()


def test_what_a_host_that_is_cut_off_had_begun_is_uncertain_and_nothing_else(
    django_db_setup: None,
    django_db_blocker: pytest.FixtureRequest,
    two_hosts: list[Host],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    stays, lost = two_hosts
    server = Server(also_on=HERE)
    with ExitStack() as stack:
        stack.callback(server.remove)
        server.start()
        stack.enter_context(django_db_blocker.unblock())  # type: ignore[attr-defined]
        url = stack.enter_context(database_on(server))
        engine = stack.enter_context(installation(url=url, folder=tmp_path, host=HERE))
        there = {
            "DATABASE_URL": server.url("countersign", host=HERE),
            "REDIS_URL": stack.enter_context(redis_server(tmp_path, hosts=("127.0.0.1", HERE))),
            "ENGINE_LANES": "1",
        }
        engine.sink.misbehave(at="content", do="delay", seconds=0.1)
        for host in two_hosts:
            stack.enter_context(engine.cluster(workers=2, within=host.within, **there))
        ids = [one for _ in range(30) for one in engine.approved_mails(10)]
        wait_until(lambda: len(calls_under_way(lost)) > 0, what="a call of the host that will be cut off")
        lost.cut_off()
        begun, until = calls_under_way(lost), time.monotonic() + CUT_OFF_FOR
        wait_until(lambda: time.monotonic() > until, what="a minute")
        lost.reconnect()
        back_at = database_now()

        def works_again() -> bool:
            ids.extend(engine.approved_mails(10))
            wait_for_rest(engine)
            return works_since(engine, lost, back_at)

        wait_until(works_again, seconds=180, what="work by the host that is back")
        verdict = judge(engine, ids)
        record_property("verdict", f"{verdict}; {len(begun)} calls were under way")
        assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
        with workspace_scope(engine.cast.workspace):
            assert marked_on(engine, stays).exists(), "the other host took no part"
        unknown = uncertain_attempts(engine)
        assert unknown <= begun, f"{len(unknown)} are uncertain, {len(begun)} calls were under way"
        assert unknown, "the cut came between two calls"
