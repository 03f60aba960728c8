"""Lists: filtered, searched, sorted, exported, paged without a full count, and never a query a row."""

import csv
import io
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution import propose, propose_plan
from execution.models import ExecutionRequest
from execution.services.alerts import raise_alert
from execution.types import Proposal
from tests.api.conftest import EMAIL
from tests.builders import make_contact, make_person, make_token
from tests.console.browsing import body_of
from workspaces.admin import paging
from workspaces.csv_cells import read_cell
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db


def lists() -> list[str]:
    """The address of each list of the console."""
    return sorted(f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry)


def export(console, path, query="") -> list[list[str]]:
    answer = console.post(f"{path}export/{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(body_of(answer).lstrip("\ufeff"))))


@pytest.mark.parametrize("path", lists())
def test_it_opens_empty_searched_and_sorted(owner, path):
    for query in ("", "?q=nothing-like-this", "?o=1", "?o=-2", "?p=1"):
        assert owner.get(path + query).status_code == 200, query


@pytest.mark.parametrize("path", lists())
def test_it_says_a_friendly_word_where_nothing_matches(owner, path):
    page = owner.text(path + "?q=nothing-like-this")
    assert "Nothing matches" in page or "<h2>" in page


@pytest.mark.parametrize("path", lists())
def test_it_exports_by_post_alone_and_puts_it_on_record(cast, owner, path):
    assert owner.get(path + "export/").status_code == 405
    before = AuditEntry.objects.filter(action__endswith=".exported").count()
    rows = export(owner, path)
    assert len(rows[0]) >= 3
    assert AuditEntry.objects.filter(action__endswith=".exported").count() == before + 1


@pytest.mark.parametrize("path", lists())
def test_it_exports_only_for_who_may(at, path):
    assert at("vic").post(path + "export/").status_code == 403
    assert "/export/" not in at("vic").text(path)


def fill(cast, number: int) -> None:
    """One more of everything that a list shows, `number` times."""
    for index in range(number):
        contact = make_contact(cast.workspace, cast.ada)
        item = Proposal(channel="email", contact=contact.pk, payload=EMAIL)
        propose_plan(workspace=cast.workspace, actor=cast.writer, title=f"Plan {index}", goal="x", items=[item])
        make_token(cast.workspace, make_person(cast.workspace))
        raise_alert(
            workspace_id=cast.workspace.id, kind="k", severity="info", fingerprint=contact.email, title="Something"
        )


@pytest.mark.parametrize("path", lists())
def test_it_asks_as_many_queries_for_ten_rows_as_for_one(cast, owner, path):
    fill(cast, 1)
    owner.get(path)  # warms what is cached for a process
    with CaptureQueriesContext(connection) as few:
        assert owner.get(path).status_code == 200
    fill(cast, 9)
    with CaptureQueriesContext(connection) as many:
        assert owner.get(path).status_code == 200
    assert len(many) <= len(few) + 1, [query["sql"][:120] for query in many.captured_queries]
    assert len(many) <= 25


def test_it_finds_a_request_by_subject_recipient_and_contact(cast, rosa, waiting):
    found = waiting(contact=cast.alice.pk, to=None)
    for words in ("water", "alice@example", "Alice Adams", "water alice"):
        assert str(found.pk) in rosa.text(f"execution/executionrequest/?q={words}"), words
    assert str(found.pk) not in rosa.text("execution/executionrequest/?q=Bob")


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("status__exact=pending", True),
        ("status__exact=failed", False),
        ("stage=open", True),
        ("stage=settled", False),
        ("channel=email", True),
        ("channel=sms", False),
    ],
)
def test_it_filters_requests(rosa, waiting, query, seen):
    found = waiting()
    assert (str(found.pk) in rosa.text(f"execution/executionrequest/?{query}")) is seen


def test_it_refuses_to_filter_by_a_column_that_is_not_offered(owner):
    guesses = {
        "execution/provideraccount/": "secret__startswith=g",
        "workspaces/token/": "digest__startswith=a",
        "workspaces/membership/": "principal__user__password__startswith=p",
        "execution/executionrequest/": "digest__startswith=a",
    }
    for path, guess in guesses.items():
        assert owner.get(f"{path}?{guess}").status_code == 400, path


def test_it_exports_what_is_filtered_and_nothing_else(cast, owner, waiting):
    mail = waiting()
    text = propose(workspace=cast.workspace, actor=cast.crm, channel="sms", to="+12025550177", payload={"text": "Hi"})
    ids = {row[0] for row in export(owner, "execution/executionrequest/", "?channel=email")[1:]}
    assert ids == {str(mail.pk)}
    assert str(text.pk) not in ids


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "＝1+1"])
def test_it_exports_no_formulas_and_loses_no_text(cast, owner, waiting, formula):
    found = waiting()
    with cast.scope():
        ExecutionRequest.objects.filter(pk=found.pk).update(summary=formula)
    header, row = export(owner, "execution/executionrequest/")
    cell = row[header.index("summary")]
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert read_cell(cell) == formula


def test_it_counts_no_further_than_it_must_and_goes_on_by_key(cast, owner, waiting, monkeypatch):
    monkeypatch.setattr(paging, "COUNTED", 4)
    monkeypatch.setattr(admin.site._registry[ExecutionRequest], "list_per_page", 2)
    newest_last = [waiting() for _ in range(6)]
    page = owner.text("execution/executionrequest/?p=2")
    assert "4+ rows" in page
    older = page.split("?older=")[1].split('"')[0]
    assert older == str(newest_last[2].pk)
    behind = owner.text(f"execution/executionrequest/?older={older}")
    assert str(newest_last[1].pk) in behind
    assert str(newest_last[3].pk) not in behind


def test_it_shows_the_history_under_its_own_name(rosa, waiting):
    found = waiting()
    rosa.post(f"execution/executionrequest/{found.pk}/decide/", {"verdict": "reject", "digest": found.digest})
    page = rosa.text("execution/executionrequest/?stage=settled")
    assert "<h1>History</h1>" in page
    assert str(found.pk) in page


def test_it_counts_the_progress_of_plans(cast, rosa):
    contact = make_contact(cast.workspace, cast.ada)
    item = Proposal(channel="email", contact=contact.pk, payload=EMAIL)
    propose_plan(workspace=cast.workspace, actor=cast.writer, title="One letter", goal="x", items=[item])
    assert "0 of 1 settled" in rosa.text("execution/executionplan/")


def test_it_deletes_nothing(owner, waiting, cast):
    found = waiting()
    for path in (
        f"execution/executionrequest/{found.pk}/delete/",
        f"contacts/contact/{cast.alice.pk}/delete/",
    ):
        assert owner.get(path).status_code == 403
        assert owner.post(path, {"post": "yes"}).status_code == 403


def test_it_has_no_action_of_unfold_that_a_link_could_set_off():
    """unfold runs row, list and detail actions on GET; the console's acts are POST views of its own."""
    registry: dict[Any, Any] = admin.site._registry
    for model, model_admin in registry.items():
        declared = [
            *model_admin.actions_row,
            *model_admin.actions_list,
            *model_admin.actions_detail,
            *model_admin.actions_submit_line,
        ]
        assert not declared, model
        assert model_admin.actions is None, model
