"""A plan that begins with a few: what its page says, and the button that lets the rest go."""

import pytest

from execution import propose_plan
from execution.types import Proposal
from tests.api.conftest import EMAIL
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(cast):
    """A plan of which one goes first."""
    set_setting(key="canary_above", value=2, workspace=cast.workspace, actor=cast.omar)
    items = [Proposal(channel="email", to=f"p{n}@example.org", payload=EMAIL) for n in range(3)]
    return propose_plan(workspace=cast.workspace, actor=cast.writer, title="Letters", items=items)


def test_its_page_says_in_words_what_it_waits_for(rosa, large):
    page = rosa.text(f"execution/executionplan/{large.pk}/change/")
    assert "1 of 3 go first, and 0 of them are settled." in page


@pytest.mark.parametrize(("name", "offered"), [("rosa", True), ("ada", False), ("vic", False)])
def test_it_offers_to_go_on_to_whom_may(at, large, name, offered):
    assert ("Go on now" in at(name).text(f"execution/executionplan/{large.pk}/change/")) is offered


def test_going_on_takes_a_reason_and_lets_the_rest_go(cast, rosa, large):
    address = f"execution/executionplan/{large.pk}/"
    assert rosa.post(f"{address}continue/", {"reason": " "}).status_code == 302
    large.refresh_from_db()
    assert large.canary_over_at is None
    rosa.post(f"{address}continue/", {"reason": "I called three of them."})
    page = rosa.text(f"{address}change/")
    assert ("1 of 3 went first. The rest goes." in page, "Go on now" in page) == (True, False)
    assert "let the rest of a plan go before its slice was over: I called three of them." in page


def test_a_small_plan_says_nothing_of_it(rosa, cast):
    item = Proposal(channel="email", to="p@example.org", payload=EMAIL)
    plan = propose_plan(workspace=cast.workspace, actor=cast.writer, title="Letters", items=[item])
    assert "canary-title" not in rosa.text(f"execution/executionplan/{plan.pk}/change/")
