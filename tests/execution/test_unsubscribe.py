"""The link that recipients unsubscribe by: a page to look at, and one click (RFC 8058)."""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import Client

from contacts.models import Suppression
from execution.models import ExecutionRequest, Part, ProviderAccount
from execution.services.credentials import link_token
from execution.services.freeze import unsubscribe_url
from execution.states import Status
from tests.builders import Cast
from tests.execution.arranged import again, approved_email, propose_email
from workspaces.models import AuditEntry

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def sent(cast: Cast, account: ProviderAccount) -> ExecutionRequest:
    """A mail to Alice, whose link is used here."""
    return propose_email(cast)


@pytest.fixture
def anyone() -> Client:
    """A mail service or a browser that never was here; CSRF is checked where it applies."""
    return Client(enforce_csrf_checks=True)


def link(request: ExecutionRequest) -> str:
    return urlsplit(unsubscribe_url(request_id=request.id)).path


def suppressions(cast: Cast) -> list[tuple[str | None, str, str]]:
    """Those that are not the cast's own, of addresses of mail."""
    with cast.scope():
        rows = Suppression.objects.filter(kind="email", lifted_at=None).exclude(address=cast.charlie.email)
        return list(rows.values_list("address", "reason", "source"))


def headers_of(cast: Cast, request: ExecutionRequest) -> str:
    with cast.scope():
        (first, *_) = again(cast, request).document["wire"]
        head: str = bytes(Part.objects.get(sha256=first).content).decode().partition("\r\n\r\n")[0]
    return re.sub(r"\r\n[ \t]", " ", head)


def test_it_shows_a_page_and_changes_nothing(cast: Cast, sent: ExecutionRequest, anyone: Client) -> None:
    entries = AuditEntry.objects.count()
    page = anyone.get(link(sent))
    assert (page.status_code, suppressions(cast), AuditEntry.objects.count()) == (200, [], entries)
    assert '<form method="post"' in page.text
    assert "Demo" in page.text


def test_it_changes_nothing_when_a_scanner_only_asks(cast: Cast, sent: ExecutionRequest, anyone: Client) -> None:
    assert (anyone.head(link(sent)).status_code, suppressions(cast)) == (200, [])


def test_it_sets_no_cookie_and_tells_no_other_site(sent: ExecutionRequest, anyone: Client) -> None:
    page = anyone.get(link(sent))
    assert not page.cookies
    assert (page["Referrer-Policy"], page["Cache-Control"]) == ("no-referrer", "no-store")
    assert "default-src 'none'" in page["Content-Security-Policy"]


def test_it_suppresses_by_one_click_without_cookies(cast: Cast, sent: ExecutionRequest, anyone: Client) -> None:
    answer = anyone.post(link(sent), ONE_CLICK)
    assert (answer.status_code, bool(answer.cookies)) == (200, False)
    assert suppressions(cast) == [("alice@example.org", "opt_out", "unsubscribe link")]


def test_it_is_done_once_however_often_it_is_asked(cast: Cast, sent: ExecutionRequest, anyone: Client) -> None:
    answers = [anyone.post(link(sent), ONE_CLICK).status_code for _ in range(3)]
    assert (answers, len(suppressions(cast))) == ([200, 200, 200], 1)


@pytest.mark.parametrize("status", [Status.PENDING, Status.APPROVED, Status.NEEDS_CHANGES])
def test_it_withdraws_what_is_unsent_to_that_address(
    cast: Cast, sent: ExecutionRequest, anyone: Client, django_capture_on_commit_callbacks: Any, status: Status
) -> None:
    waiting = propose_email(cast)
    with cast.scope():
        ExecutionRequest.objects.filter(pk=waiting.pk).update(status=status)
    with django_capture_on_commit_callbacks(execute=True):
        anyone.post(link(sent), ONE_CLICK)
    assert again(cast, waiting).status == Status.CANCELLED


def test_it_leaves_what_goes_to_others(
    cast: Cast, sent: ExecutionRequest, anyone: Client, django_capture_on_commit_callbacks: Any
) -> None:
    to_bob = approved_email(cast, contact=cast.bob)
    with django_capture_on_commit_callbacks(execute=True):
        anyone.post(link(sent), ONE_CLICK)
    assert again(cast, to_bob).status == Status.APPROVED


def test_it_refuses_the_next_mail_to_that_address(cast: Cast, sent: ExecutionRequest, anyone: Client) -> None:
    anyone.post(link(sent), ONE_CLICK)
    assert propose_email(cast).status == Status.REFUSED


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("forged", ["x", "A" * 22, "A" * 43, "a/b", "%00", "é"])
def test_it_knows_no_forged_token(cast: Cast, sent: ExecutionRequest, anyone: Client, method: str, forged: str) -> None:
    answer = getattr(anyone, method)(f"/u/{sent.id}/{forged}")
    assert (answer.status_code, suppressions(cast)) == (404, [])


def test_it_knows_no_token_of_another_request(cast: Cast, sent: ExecutionRequest, anyone: Client) -> None:
    token = link(propose_email(cast, contact=cast.bob)).rpartition("/")[2]
    assert anyone.post(f"/u/{sent.id}/{token}").status_code == 404
    assert suppressions(cast) == []


def test_it_knows_no_token_made_for_anything_else(sent: ExecutionRequest, anyone: Client) -> None:
    token = link_token(purpose="something else", request_id=sent.id)
    assert anyone.post(f"/u/{sent.id}/{token}").status_code == 404


def test_it_knows_no_request_that_is_not_there(db: None, anyone: Client) -> None:
    assert anyone.get(urlsplit(unsubscribe_url(request_id=uuid4())).path).status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_it_takes_no_other_method(sent: ExecutionRequest, anyone: Client, method: str) -> None:
    assert getattr(anyone, method)(link(sent)).status_code == 405


def test_the_mail_names_the_link_in_both_headers(cast: Cast, sent: ExecutionRequest) -> None:
    head = headers_of(cast, sent)
    assert f"List-Unsubscribe: <{unsubscribe_url(request_id=sent.id)}>" in head
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head


def test_every_recipient_has_a_link_of_their_own(cast: Cast, sent: ExecutionRequest) -> None:
    assert link(sent) != link(propose_email(cast))
