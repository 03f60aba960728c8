"""Attachments go with the last request that needs them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module

import psycopg
from django.apps import apps
from django.db import connection

from execution.models import Part, PartUse
from execution.services.editing import edit_request
from execution.services.retention import retain
from execution.states import Status
from tests.builders import Cast, make_cast
from tests.execution.arranged import PAYLOAD, propose_email, put
from tests.execution.retention.arranged import WITH_ATTACHMENT, YEARS, left, rejected
from tests.support.clock import StoppedClock
from tests.support.processes import wait_until
from workspaces.clock import database_now


def test_an_attachment_stays_as_long_as_somebody_needs_it(cast: Cast, clock: StoppedClock) -> None:
    first, second = rejected(cast, payload=WITH_ATTACHMENT), propose_email(cast, payload=WITH_ATTACHMENT)
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope():
        assert left(cast) == {second.pk} != {first.pk}
        kept = {bytes(part.content) for part in Part.objects.all()}
        assert b"the plan" in kept
        put(cast, second, status=Status.REJECTED, settled_at=database_now())
        clock.advance(YEARS)
        retain(workspace=cast.workspace)
        assert (Part.objects.count(), PartUse.objects.count()) == (0, 0)


def test_an_attachment_that_an_edit_left_behind_is_noted_too(cast: Cast, clock: StoppedClock) -> None:
    request = propose_email(cast, payload=WITH_ATTACHMENT)
    edit_request(
        workspace=cast.workspace, actor=cast.ada, request_id=request.pk, payload={**PAYLOAD, "subject": "Without"}
    )
    put(cast, request, status=Status.REJECTED, settled_at=database_now())
    clock.advance(YEARS)
    retain(workspace=cast.workspace)
    with cast.scope():
        assert not Part.objects.exists()


def test_an_attachment_that_is_taken_up_at_this_moment_stays(live_db: str) -> None:
    cast = make_cast()
    request = rejected(cast, payload=WITH_ATTACHMENT)
    put(cast, request, settled_at=database_now() - timedelta(days=800))
    with psycopg.connect(live_db) as proposing:
        proposing.execute("SELECT 1 FROM execution_part FOR KEY SHARE")
        retain(workspace=cast.workspace)
    with cast.scope():
        assert b"the plan" in {bytes(part.content) for part in Part.objects.all()}


def test_an_attachment_that_is_deleted_at_this_moment_is_made_anew(live_db: str) -> None:
    cast = make_cast()
    rejected(cast, payload=WITH_ATTACHMENT)

    def propose_it_again() -> None:
        try:
            propose_email(cast, payload=WITH_ATTACHMENT)
        finally:
            connection.close()

    with psycopg.connect(live_db) as deleting, ThreadPoolExecutor(1) as pool:
        deleting.execute("DELETE FROM execution_part")
        proposed = pool.submit(propose_it_again)
        with psycopg.connect(live_db, autocommit=True) as watching:
            wait_until(
                lambda: watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None,
                what="the proposal to wait for the deletion",
            )
        deleting.commit()
        proposed.result()
    with cast.scope():
        assert b"the plan" in {bytes(part.content) for part in Part.objects.all()}


def test_the_uses_of_what_was_there_before_are_found(cast: Cast) -> None:
    propose_email(cast, payload=WITH_ATTACHMENT)
    propose_email(cast)
    migration = import_module("execution.migrations.0017_uses_of_parts")
    with cast.scope():
        noted = set(PartUse.objects.values_list("request_id", "sha256"))
        PartUse.objects.all().delete()
        migration.note_uses(apps, None)
        assert set(PartUse.objects.values_list("request_id", "sha256")) == noted != set()
