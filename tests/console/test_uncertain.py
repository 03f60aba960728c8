"""“Outcome unknown”: a person settles many at once."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution.models import Attempt, ExecutionRequest
from execution.states import Status
from tests.execution.arranged import again, approved_email, put
from workspaces.ids import new_id
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_doubt(cast: Any) -> Any:
    """That many requests whose call was broken off."""

    def make(number: int) -> list[ExecutionRequest]:
        made = []
        for _ in range(number):
            one = approved_email(cast)
            put(cast, one, status=Status.UNCERTAIN, settled_at=one.created_at, last_error="Its worker died.")
            with cast.scope():
                Attempt.objects.create(
                    workspace=cast.workspace,
                    request=one,
                    number=1,
                    state="uncertain",
                    chunk=new_id(),
                    worker=new_id(),
                    marked_at=one.created_at,
                )
            made.append(one)
        return made

    return make


@pytest.mark.parametrize(("outcome", "status"), [("was_sent", Status.SUCCEEDED), ("was_not_sent", Status.APPROVED)])
def test_it_settles_the_picked_ones_alone(cast, rosa, in_doubt, outcome, status):
    first, second, third = in_doubt(3)
    body = {"pick": [first.pk, second.pk], "outcome": outcome, "reason": "Seen in the log"}
    assert rosa.post("uncertain/settle/", body).status_code == 302
    assert [again(cast, one).status for one in (first, second, third)] == [status, status, Status.UNCERTAIN]
    with cast.scope():
        settled = Attempt.objects.get(request=first)
    assert (settled.resolution, settled.resolution_reason) == (outcome, "Seen in the log")
    assert settled.resolved_by_id == cast.rosa.principal_id
    assert AuditEntry.objects.filter(action="request.resolved").count() == 2
    assert "What became of each" in rosa.text("uncertain/")


@pytest.mark.parametrize("lacking", ["pick", "outcome", "reason"])
def test_it_asks_for_what_is_lacking(cast, rosa, in_doubt, lacking):
    (one,) = in_doubt(1)
    body = {"pick": [one.pk], "outcome": "was_sent", "reason": "Seen"}
    rosa.post("uncertain/settle/", {key: value for key, value in body.items() if key != lacking})
    assert again(cast, one).status == Status.UNCERTAIN


def test_it_tells_of_one_that_somebody_else_settled(cast, rosa, in_doubt):
    (one,) = in_doubt(1)
    put(cast, one, status=Status.SUCCEEDED)
    rosa.post("uncertain/settle/", {"pick": [one.pk], "outcome": "was_not_sent", "reason": "Seen"})
    assert "This request is not uncertain." in rosa.text("uncertain/")
    assert again(cast, one).status == Status.SUCCEEDED


def test_another_workspace_settles_nothing_here(cast, stranger, in_doubt):
    (one,) = in_doubt(1)
    answer = stranger.post("uncertain/settle/", {"pick": [one.pk], "outcome": "was_sent", "reason": "Seen"})
    assert answer.status_code == 404
    assert again(cast, one).status == Status.UNCERTAIN


def test_who_may_only_look_is_offered_no_button(at, in_doubt):
    in_doubt(1)
    page = at("vic").text("uncertain/")
    assert "Its worker died." in page
    assert "/uncertain/settle/" not in page


def test_it_asks_as_much_for_many_as_for_one(rosa, in_doubt):
    counts = []
    for more in (1, 9):
        in_doubt(more)
        rosa.get("uncertain/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            rosa.get("uncertain/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
