"""Each test has an installation of its own: a database on PostgreSQL, a folder, a mail server, processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import cloned_database
from tests.support.engine import Engine, installation


@pytest.fixture
def engine(live_db: str, tmp_path: Path) -> Iterator[Engine]:
    with installation(url=live_db, folder=tmp_path) as engine:
        yield engine


@pytest.fixture(scope="module")
def shared_engine(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """One for a whole module, where each test looks at requests of its own alone. Not together with `engine`."""
    with (
        django_db_blocker.unblock(),
        cloned_database() as url,
        installation(url=url, folder=tmp_path_factory.mktemp("installation")) as engine,
    ):
        yield engine
