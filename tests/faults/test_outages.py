"""PostgreSQL is stopped hard, again and again, while two clusters send: they come back without anybody's help."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connections

from tests.faults.checker import judge, wait_for_rest
from tests.support.database import database_on
from tests.support.engine import installation, wait_for
from tests.support.postgres import Server

pytestmark = [pytest.mark.race, pytest.mark.faults]

OUTAGES, MAILS = 10, 300


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.remove()


def test_ten_hard_stops_double_and_lose_nothing(
    django_db_setup: None,
    django_db_blocker: pytest.FixtureRequest,
    server: Server,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())  # type: ignore[attr-defined]
        url = stack.enter_context(database_on(server))
        engine = stack.enter_context(installation(url=url, folder=tmp_path))
        engine.sink.misbehave(at="content", do="delay", seconds=0.05)
        for _ in range(2):
            stack.enter_context(engine.cluster(workers=2))
        ids = []
        for _ in range(OUTAGES):
            ids += engine.approved_mails(MAILS // OUTAGES)
            wait_for(
                lambda: engine.sink.counts.messages, at_least=engine.sink.counts.messages + 1, what="the next mail"
            )
            connections.close_all()
            server.stop(hard=True)
            server.start()
        wait_for_rest(engine)
        verdict = judge(engine, ids)
        record_property("verdict", str(verdict))
        print(f"{OUTAGES} outages: {verdict}")  # noqa: T201
        assert (verdict.doubled, verdict.lost) == (frozenset(), frozenset()), verdict
