"""Fixtures for every test: the guards that are always on, and databases that other processes see."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from hypothesis import settings as hypothesis_settings

from tests.builders import Cast, OtherCast, make_cast, make_other_cast
from tests.support.database import cloned_database
from tests.support.network import forbid_outside_connections

# No test fails for being slow on a busy machine.
hypothesis_settings.register_profile("countersign", deadline=None)
hypothesis_settings.load_profile("countersign")


@pytest.fixture(autouse=True, scope="session")
def only_this_machine() -> Iterator[None]:
    """Outgoing connections raise, but those to this machine."""
    with pytest.MonkeyPatch.context() as patch:
        forbid_outside_connections(patch)
        yield


@pytest.fixture(autouse=True)
def races_need_postgres(request: pytest.FixtureRequest) -> None:
    """A test marked `race` fails on SQLite, which serialises writers and ignores SKIP LOCKED."""
    if request.node.get_closest_marker("race") and connection.vendor != "postgresql":
        pytest.fail(f"A race was tested on {connection.vendor}, where it proves nothing; set TEST_DATABASE_URL.")


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: pytest.FixtureRequest, django_db_modify_db_settings: None
) -> Iterator[None]:
    """The migrated database, also where only tests with `live_db` run, for which pytest-django would make none."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        made = setup_databases(verbosity=0, interactive=False, aliases={"default": None}, serialized_aliases=set())
    yield
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        teardown_databases(made, verbosity=0)


@pytest.fixture
def live_db(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: pytest.FixtureRequest
) -> Iterator[str]:
    """A migrated database of this test's own, for tests with several threads or processes; yields its URL.

    Nothing is rolled back here and commits are real, so `on_commit` runs. Not together with the mark `django_db`.
    """
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        pytest.fail("A test takes either `live_db` or `db`/`django_db`: they are two databases.")
    with django_db_blocker.unblock(), cloned_database() as url:  # type: ignore[attr-defined]
        yield url


@pytest.fixture
def cast(db: None) -> Cast:
    """The people of the workspace "demo" (tests.builders). A test with `live_db` calls `make_cast()` itself."""
    return make_cast()


@pytest.fixture
def other(db: None) -> OtherCast:
    """The people of the workspace "other"."""
    return make_other_cast()
