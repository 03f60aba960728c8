"""Many workers, and everything due at one moment: each mail goes out once."""

from contextlib import ExitStack

import pytest

from execution import hold, release
from tests.faults.checker import all_took_part, wait_for_rest
from tests.promises.test_clusters import ring
from tests.support.engine import Engine

pytestmark = [pytest.mark.race, pytest.mark.faults]

CLUSTERS, WORKERS, DUE = 2, 8, 5_000


def test_two_clusters_of_eight_workers_send_what_falls_due_at_once(engine: Engine) -> None:
    cast = engine.cast
    hold(scope="workspace", reason="until all are there", actor=cast.omar, workspace=cast.workspace)
    ids = engine.approved_mails(DUE)
    with ExitStack() as stack:
        clusters = [stack.enter_context(engine.cluster(workers=WORKERS)) for _ in range(CLUSTERS)]
        release(scope="workspace", reason="all are there", actor=cast.omar, workspace=cast.workspace)
        ring(CLUSTERS * WORKERS)
        wait_for_rest(engine)
        assert all_took_part(engine, clusters)
    assert engine.sink.copies() == dict.fromkeys(ids, 1)
