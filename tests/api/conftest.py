"""Who calls in these tests: the cast of tests/builders.py, each with a token, and requests to call about."""

from collections.abc import Callable
from typing import Any

import pytest

from execution import propose
from execution.models import ExecutionRequest
from tests.api.client import Api
from tests.builders import Cast, OtherCast, make_cast, make_other_cast, make_token

EMAIL = {"subject": "A word on the water bill", "text": "Dear Bob,\n\nplease read this.\n\nAda"}


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def other(db: None) -> OtherCast:
    return make_other_cast()


@pytest.fixture
def api_of(cast: Cast) -> Callable[[str], Api]:
    """The API as somebody of the cast calls it: api_of("rosa")."""
    return lambda name: Api(cast.token_of(name))


@pytest.fixture
def rosa(cast: Cast) -> Api:
    return Api(cast.token_of("rosa"))


@pytest.fixture
def crm(cast: Cast) -> Api:
    return Api(cast.token_of("crm"))


@pytest.fixture
def ada(cast: Cast) -> Api:
    return Api(cast.token_of("ada"))


@pytest.fixture
def owner(cast: Cast) -> Api:
    return Api(cast.token_of("omar"))


@pytest.fixture
def stranger(other: OtherCast) -> Api:
    return Api(make_token(other.workspace, other.otto)[1])


@pytest.fixture
def waiting(cast: Cast) -> Callable[..., ExecutionRequest]:
    """An email that waits at HR_LANG, proposed by the service."""

    def make(**fields: Any) -> ExecutionRequest:
        given = {"channel": "email", "to": "bob@example.org", "payload": EMAIL, **fields}
        return propose(workspace=cast.workspace, actor=given.pop("actor", cast.crm), **given)

    return make
