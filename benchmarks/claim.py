"""The mark of 100 due requests, every guard asked, in a table of 10,000 requests and in one of 1,000,000.

The 100 are real ones; around them stand copies of one: nine in ten succeeded, one in ten approved and due, but of a
lower priority. Each mark is rolled back, so that every one finds the same.
"""

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.installation import Installation, installation
from benchmarks.report import Figure, figure

CLAIMED = 100
SMALL = 10_000


def measure(*, rounds: int = 31, rows: int = 1_000_000) -> Iterator[Figure]:
    """Milliseconds a mark at either size, and the ratio of the medians."""
    with installation() as here:
        _, _, ids = here.approved(CLAIMED)
        with here.cast.scope():
            from execution.models import ExecutionRequest

            ExecutionRequest.objects.filter(id__in=ids).update(priority=90)
        small = min(SMALL, rows)
        add_copies(like=ids[0], number=small - CLAIMED)
        here.tidy()
        few = marks(here, rounds)
        add_copies(like=ids[0], number=rows - small)
        here.tidy()
        many = marks(here, rounds)
    yield figure(f"claim.rows_{small}", few, "ms")
    yield figure(f"claim.rows_{rows}", many, "ms")
    one, other = sorted(few)[len(few) // 2], sorted(many)[len(many) // 2]
    yield figure(
        "claim.ratio", [other / one], "times as long", target="<= 1.2", of="the medians", best=min(many) / min(few)
    )


def marks(here: Installation, rounds: int) -> list[float]:
    """Milliseconds of each mark, after three that are not counted."""
    from django.db import transaction

    from execution.engine.chunk import mark
    from execution.engine.load import GroundCache
    from workspaces.actors import system_actor
    from workspaces.ids import new_id
    from workspaces.scope import all_workspaces

    cache, actor, found = GroundCache(), system_actor("executor"), []
    for place in range(rounds + 3):
        with all_workspaces("as a lane does"), transaction.atomic():
            begun = time.monotonic()
            claim = mark(
                workspace_id=here.cast.workspace.id,
                worker_id=new_id(),
                cache=cache,
                manual=False,
                at_most=CLAIMED,
                actor=actor,
            )
            taken = (time.monotonic() - begun) * 1e3
            transaction.set_rollback(True)
        if claim.chunk is None or len(claim.chunk.members) != CLAIMED:
            raise RuntimeError(f"{claim.seen} were claimed and {claim.chunk and len(claim.chunk.members)} marked.")
        if place >= 3:
            found.append(taken)
    return found


def add_copies(*, like: Any, number: int) -> None:
    """Copies of one request, at the speed of SQL: foreign keys are not looked up again for each."""
    from django.db import connection

    from execution.models import ExecutionRequest

    replaced = {
        "id": "gen_random_uuid()",
        "priority": "10",
        "status": "CASE WHEN n %% 10 = 0 THEN 'approved' ELSE 'succeeded' END",
        "due_at": "CASE WHEN n %% 10 = 0 THEN now() - n * interval '1 ms' END",
        "settled_at": "CASE WHEN n %% 10 = 0 THEN NULL ELSE now() - n * interval '1 s' END",
        "created_at": "now() - n * interval '1 s'",
    }
    columns = [field.column for field in ExecutionRequest._meta.concrete_fields]
    quote = connection.ops.quote_name
    table = quote(ExecutionRequest._meta.db_table)
    names = ", ".join(quote(column) for column in columns)
    values = ", ".join(replaced.get(column, quote(column)) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table}, generate_series(1, %s) AS n "  # noqa: S608
            "WHERE id = %s",
            [number, like],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
