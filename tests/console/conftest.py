"""Who sits at the console in these tests: the cast of tests/builders.py, each with a browser's session."""

from collections.abc import Callable
from typing import Any

import pytest

from execution.models import ProviderAccount
from execution.services.accounts import save_account
from tests.api.conftest import EMAIL, cast, other, waiting  # noqa: F401  (fixtures shared with the API's tests)
from tests.api.test_tenancy import canary, theirs  # noqa: F401  (one of everything elsewhere, full of canaries)
from tests.builders import Cast, OtherCast
from tests.console.browsing import Console
from workspaces.models import User


@pytest.fixture
def at(cast: Cast) -> Callable[[str], Console]:  # noqa: F811
    """The console as somebody of the cast sees it: at("rosa")."""
    return lambda name: Console(cast.user_of(name), workspace=cast.workspace)


@pytest.fixture
def account(cast: Cast) -> ProviderAccount:  # noqa: F811
    """The workspace's own mail account, so that what waits has its bytes frozen."""
    return save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Outreach",
        channel="email",
        provider="smtp",
        host="127.0.0.1",
        port=2525,
        security="none",
        from_email="outreach@demo.example",
        from_name="Demo",
        is_default=True,
    )


@pytest.fixture
def rosa(at: Any) -> Console:
    return at("rosa")


@pytest.fixture
def owner(at: Any) -> Console:
    return at("omar")


@pytest.fixture
def stranger(cast: Cast, other: OtherCast) -> Console:  # noqa: F811
    """Somebody of the other workspace, trying this one's addresses."""
    return Console(User.objects.get(principal__id=other.otto.principal_id), workspace=cast.workspace)
