"""“Overdue”: a person releases or withdraws many at once."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution.models import ExecutionRequest
from execution.states import Status
from tests.execution.arranged import again, approved_email, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def stale(cast: Any) -> Any:
    """That many approved requests that wait as stale."""

    def make(number: int) -> list[ExecutionRequest]:
        made = [approved_email(cast) for _ in range(number)]
        for one in made:
            put(cast, one, wait_reason="stale")
        return made

    return make


@pytest.mark.parametrize(("act", "ends"), [("release", Status.APPROVED), ("cancel", Status.CANCELLED)])
def test_it_decides_the_picked_ones_alone(cast, rosa, stale, act, ends):
    first, second = stale(2)
    body = {"pick": [first.pk], "act": act, "reason": "Read again"}
    assert rosa.post("overdue/decide/", body).status_code == 302
    assert (again(cast, first).status, again(cast, first).wait_reason) == (ends, "")
    assert again(cast, second).wait_reason == "stale"


@pytest.mark.parametrize("lacking", ["pick", "act", "reason"])
def test_it_asks_for_what_is_lacking(cast, rosa, stale, lacking):
    (one,) = stale(1)
    body = {"pick": [one.pk], "act": "release", "reason": "Read again"}
    body.pop(lacking)
    rosa.post("overdue/decide/", body)
    assert again(cast, one).wait_reason == "stale"


def test_a_longer_list_takes_no_more_queries(rosa, stale):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            rosa.text("overdue/")
        return len(found)

    stale(2)
    queries()
    few = queries()
    stale(3)
    assert queries() == few


def test_its_number_stands_beside_its_entry(rosa, stale):
    stale(3)
    assert rosa.get("pulse/").json()["overdue"] == 3


def test_who_only_looks_has_no_buttons(at, stale):
    stale(1)
    assert "overdue/decide/" not in at("vic").text("overdue/")


def test_the_dashboard_says_so_and_leads_there(rosa, stale):
    assert "due long ago" not in rosa.text("")
    stale(2)
    page = rosa.text("")
    assert "2 approved requests were due long ago" in page
    assert "/overdue/" in page
