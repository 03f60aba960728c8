"""A provider that records, an account with it, and a clock that a test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from execution.models import ProviderAccount
from execution.providers import registry
from execution.services.accounts import save_account
from tests.builders import Cast
from tests.machine.recorder import Recorder, Service
from tests.support.clock import SEARCH_PATH, StoppedClock


@pytest.fixture
def clock(db: None) -> StoppedClock:
    """The database's clock, standing still in this test."""
    with connection.cursor() as cursor:
        clock = StoppedClock(_execute)
        cursor.execute(f"SET LOCAL search_path = {SEARCH_PATH}")
    return clock


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The outside world: it records every call and answers as its script says."""
    service = Service()
    kept = override_settings(JOURNAL_DIR=tmp_path / "journal", DRY_RUN_LOG=tmp_path / "dry-run.jsonl", EMAIL_URL="")
    with kept, registry.register_temporarily(Recorder(service)):
        yield service


@pytest.fixture
def account(cast: Cast, service: Service) -> ProviderAccount:
    """The workspace's account for mail, with that service."""
    return save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Recorder",
        channel="email",
        provider="recorder",
        host="mail.example.org",
        username="office",
        security="none",
        from_email="office@example.org",
        from_name="The office",
        is_default=True,
        secret="a secret of the tests",
    )
