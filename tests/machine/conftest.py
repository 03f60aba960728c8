"""One rig a module: its tests and runs share a database, each in a workspace of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.machine.rig import Rig, prepared
from tests.support.database import cloned_database


@pytest.fixture(scope="module")
def rig(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with (
        django_db_blocker.unblock(),
        cloned_database() as url,
        prepared(url=url, folder=tmp_path_factory.mktemp("rig")) as rig,
    ):
        yield rig
