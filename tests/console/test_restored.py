"""“After a restore”: everybody sees what waits, an operator resumes."""

from collections.abc import Iterator

import pytest
from django.db import connection

from execution.models import Hold
from execution.services.restoring import stop_if_restored
from tests.execution.arranged import again, approved_email
from workspaces.installation import is_restored
from workspaces.models import Installation

pytestmark = pytest.mark.django_db


@pytest.fixture
def waits(cast) -> Iterator[object]:
    """An approved mail in a database that turns out to be another one."""
    found = approved_email(cast)
    Installation.objects.update(identity="0" * 64)
    connection.asked_for_identity = None  # type: ignore[attr-defined]
    stop_if_restored()
    yield found
    connection.asked_for_identity = None  # type: ignore[attr-defined]


def test_every_page_leads_to_what_waits(at, waits):
    assert "/admin/restored/" in at("vic").text("queue/")
    page = at("vic").text("restored/")
    assert "It is another database" in page
    assert str(waits.pk) in page
    assert "Resume</button>" not in page


def test_an_operator_resumes_with_a_reason(cast, owner, waits):
    assert owner.post("restored/", {"reason": ""}).status_code == 400
    assert is_restored()
    assert owner.post("restored/", {"reason": "The old one is gone"}).status_code == 302
    assert not is_restored()
    assert again(cast, waits).wait_reason == ""
    assert Hold.objects.get().release_reason == "The old one is gone"


def test_an_approver_does_not(rosa, waits):
    assert rosa.post("restored/", {"reason": "Go on"}).status_code == 403
    assert is_restored()


def test_the_button_of_the_hold_does_not_let_it_go(owner, waits):
    owner.post("execution/hold/release/", {"scope": "global", "reason": "Go on"})
    assert is_restored()
    assert Hold.objects.get().released_at is None


def test_it_says_so_where_nothing_waits(owner):
    assert "Nothing to resume" in owner.text("restored/")
