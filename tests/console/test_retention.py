"""“What is kept”: what the next clearing deletes, shown before anything is changed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution.services.retention import retain
from execution.states import Status
from tests.execution.arranged import propose_email, put
from workspaces.clock import database_now
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(cast):
    """A request that was rejected 100 days ago."""
    request = propose_email(cast)
    put(cast, request, status=Status.REJECTED, settled_at=database_now() - timedelta(days=100))
    return request


def days_of(cast) -> int:
    return Workspace.objects.get(pk=cast.workspace.pk).retention_days


def test_it_shows_what_another_number_of_days_deletes_and_keeps_the_old_one(cast, owner, old):
    assert "<dt>Requests that are over</dt><dd>0</dd>" in owner.text("retention/")
    shown = owner.text("retention/?days=90")
    assert "<dt>Requests that are over</dt><dd>1</dd>" in shown
    assert "Keep 90 days from now on" in shown
    assert days_of(cast) == 730


def test_it_keeps_another_number_of_days(cast, owner):
    assert owner.post("retention/", {"days": "120"}).status_code == 302
    assert days_of(cast) == 120


@pytest.mark.parametrize("days", ["89", "-1", "x", "", "99999999999"])
def test_it_refuses_a_number_that_cannot_be(cast, owner, days):
    assert owner.post("retention/", {"days": days}).status_code == 400
    assert owner.get(f"retention/?days={days}").status_code == 400
    assert days_of(cast) == 730


def test_it_says_what_the_last_run_deleted(cast, owner, old):
    assert "There was none yet" in owner.text("retention/")
    Workspace.objects.filter(pk=cast.workspace.pk).update(retention_days=90)
    retain()
    assert "<dt>Deleted requests</dt><dd>1</dd>" in owner.text("retention/")


def test_the_page_of_a_cleared_request_says_so(cast, owner, old):
    Workspace.objects.filter(pk=cast.workspace.pk).update(retention_days=90)
    retain()
    answer = owner.get(f"execution/executionrequest/{old.pk}/change/")
    assert answer.status_code == 404
    assert "Retention cleared this request on" in answer.content.decode()


def test_more_that_goes_takes_no_more_queries(cast, owner, old):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            owner.text("retention/?days=90")
        return len(found)

    queries()
    few = queries()
    for _ in range(3):
        put(cast, propose_email(cast), status=Status.REJECTED, settled_at=database_now() - timedelta(days=100))
    assert queries() == few


def test_the_settings_lead_there_whom_it_is_for(at):
    assert "/admin/retention/" in at("omar").text("settings/")
    assert "/admin/retention/" not in at("rosa").text("settings/")
