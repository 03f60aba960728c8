"""One rig a module: its tests and runs share a database, each in a workspace of its own.

A long test has a rig to itself: a global hold is told of in every workspace there is, so that the runs of a database
cost more the more there were before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.machine.rig import Rig, prepared
from tests.support.database import cloned_database


@contextmanager
def _rig(*, blocker: Any, folder: Path) -> Iterator[Rig]:
    with blocker.unblock(), cloned_database() as url, prepared(url=url, folder=folder) as rig:
        yield rig


@pytest.fixture(scope="module")
def rig(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with _rig(blocker=django_db_blocker, folder=tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture
def own_rig(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[Rig]:
    with _rig(blocker=django_db_blocker, folder=tmp_path) as rig:
        yield rig
