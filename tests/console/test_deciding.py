"""Deciding at the console: one, several, a plan; each under the digest that was shown (F1, P1, P5, P14, P15)."""

import re

import pytest

from execution import propose_plan
from execution.models import Decision, ExecutionRequest
from execution.services.editing import edit_request
from execution.types import Proposal
from tests.api.conftest import EMAIL
from tests.builders import make_contact
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db
PAGE = "execution/executionrequest/{}/"


def status_of(cast, request) -> str:
    with cast.scope():
        return str(ExecutionRequest.objects.get(pk=request.pk).status)


def digest_on(page: str) -> str:
    """What a decision made from this page would be bound to."""
    return re.findall(r'name="digest" value="([0-9a-f]{64})"', page)[0]


def decide(console, request, verdict="approve", **fields):
    data = {"verdict": verdict, "digest": request.digest, **fields}
    return console.post(PAGE.format(request.pk) + "decide/", data)


def test_it_approves_what_the_page_showed(cast, rosa, waiting):
    found = waiting()
    page = rosa.text(PAGE.format(found.pk) + "change/")
    digest = digest_on(page)
    answer = decide(rosa, found, digest=digest, reason="Good.")
    assert answer.status_code == 302
    assert status_of(cast, found) == "approved"
    with cast.scope():
        decision = Decision.objects.get(request=found)
    assert (decision.via, decision.compared, decision.reason) == ("console", True, "Good.")


def test_it_shows_what_changed_instead_of_approving_a_stale_page(cast, rosa, waiting):
    found = waiting()
    edit_request(
        workspace=cast.workspace, actor=cast.ada, request_id=found.pk, payload={**EMAIL, "subject": "Another subject"}
    )
    answer = decide(rosa, found)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert EMAIL["subject"] in page
    assert "Another subject" in page
    assert "Nothing was decided" in page
    assert found.digest not in page
    assert status_of(cast, found) == "pending"


def test_it_refuses_a_form_without_a_digest(cast, rosa, waiting):
    found = waiting()
    decide(rosa, found, digest="")
    assert status_of(cast, found) == "pending"


def test_it_rejects_with_a_reason(cast, rosa, waiting):
    found = waiting()
    decide(rosa, found, verdict="reject", reason="Too pushy.")
    assert status_of(cast, found) == "rejected"
    assert "Too pushy." in rosa.text(PAGE.format(found.pk) + "change/")


def test_it_asks_for_changes_only_with_a_reason(cast, rosa, waiting):
    found = waiting()
    decide(rosa, found, verdict="request_changes")
    assert status_of(cast, found) == "pending"
    decide(rosa, found, verdict="request_changes", reason="Shorter.")
    assert status_of(cast, found) == "needs_changes"


@pytest.mark.parametrize("name", ["ada", "vic"])
def test_it_refuses_and_records_who_may_not_decide(cast, at, waiting, name):
    found = waiting()
    assert decide(at(name), found).status_code == 403
    assert status_of(cast, found) == "pending"
    refusals = AuditEntry.objects.filter(action="request.decision_refused", subject_id=found.pk)
    assert [one.actor_id for one in refusals] == [getattr(cast, name).principal_id]


def test_it_refuses_the_last_editor(cast, rosa, waiting):
    found = waiting()
    edited = edit_request(
        workspace=cast.workspace, actor=cast.rosa, request_id=found.pk, payload={**EMAIL, "subject": "Mine now"}
    )
    assert "somebody else approves it" in rosa.text(PAGE.format(found.pk) + "change/")
    assert decide(rosa, edited).status_code == 403
    assert status_of(cast, found) == "pending"


def test_it_shows_no_button_for_what_one_may_not_do(cast, at, waiting):
    found = waiting()
    page = at("vic").text(PAGE.format(found.pk) + "change/")
    assert 'name="verdict"' not in page
    assert "/edit/" not in page
    assert 'value="cancel"' not in page
    assert 'name="verdict"' in at("rosa").text(PAGE.format(found.pk) + "change/")


@pytest.mark.parametrize("path", ["decide/", "act/"])
def test_it_never_acts_on_get(cast, rosa, waiting, path):
    found = waiting()
    answer = rosa.get(PAGE.format(found.pk) + path + f"?verdict=approve&act=cancel&digest={found.digest}")
    assert answer.status_code == 405
    assert status_of(cast, found) == "pending"


def test_it_takes_nobody_to_another_site_after_a_decision(rosa, waiting):
    found = waiting()
    answer = decide(rosa, found, next="https://evil.example/")
    assert answer["Location"].startswith("/w/demo/admin/execution/")


# Several at once


def bulk(console, requests, verdict="approve", **extra):
    picks = [f"{one.pk}:{one.digest}" for one in requests]
    return console.post(
        "queue/decide/", {"verdict": verdict, "pick": picks, **extra}, headers={"Accept": "application/json"}
    )


def test_it_decides_on_several_and_tells_of_each(cast, rosa, waiting):
    one, two, three = waiting(), waiting(), waiting()
    edit_request(workspace=cast.workspace, actor=cast.ada, request_id=two.pk, payload={**EMAIL, "subject": "Changed"})
    results = {result["id"]: result for result in bulk(rosa, [one, two, three]).json()["results"]}
    assert [results[str(request.pk)]["ok"] for request in (one, two, three)] == [True, False, True]
    assert "changed since you saw it" in results[str(two.pk)]["words"]
    assert [status_of(cast, request) for request in (one, two, three)] == ["approved", "pending", "approved"]


def test_it_lists_the_results_on_the_page_where_there_is_no_script(cast, rosa, waiting):
    found = waiting()
    answer = rosa.post("queue/decide/", {"verdict": "approve", "pick": [f"{found.pk}:{found.digest}"]})
    assert answer.status_code == 302
    page = rosa.text("queue/")
    assert "What became of each" in page
    assert f"/executionrequest/{found.pk}/change/" in page
    assert "What became of each" not in rosa.text("queue/")


@pytest.mark.parametrize(
    ("verdict", "reason", "picked"), [("approve", "", 0), ("request_changes", "", 1), ("delete", "", 1)]
)
def test_it_refuses_a_bulk_decision_that_says_too_little(cast, rosa, waiting, verdict, reason, picked):
    found = waiting()
    answer = bulk(rosa, [found][:picked], verdict=verdict, reason=reason)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert status_of(cast, found) == "pending"


def test_it_refuses_picks_that_are_no_ids_or_not_here(rosa, theirs):
    picks = ["nonsense", f"{theirs['request_id']}:{theirs['digest']}"]
    results = rosa.post(
        "queue/decide/", {"verdict": "approve", "pick": picks}, headers={"Accept": "application/json"}
    ).json()["results"]
    assert [result["ok"] for result in results] == [False, False]


def test_it_refuses_each_pick_of_somebody_who_may_not_decide(cast, at, waiting):
    found = waiting()
    (result,) = bulk(at("ada"), [found]).json()["results"]
    assert not result["ok"]
    assert status_of(cast, found) == "pending"


# A plan


@pytest.fixture
def plan(cast):
    contacts = [make_contact(cast.workspace, cast.ada) for _ in range(3)]
    items = [
        Proposal(channel="email", contact=one.pk, payload={**EMAIL, "text": f"Dear {one.name}"}) for one in contacts
    ]
    return propose_plan(
        workspace=cast.workspace, actor=cast.writer, title="Three letters", goal="Be heard", items=items
    )


def test_it_decides_on_a_whole_plan_under_its_digest(cast, rosa, plan):
    page = rosa.text(f"execution/executionplan/{plan.pk}/change/")
    assert page.count("Dear Person") == 3
    data = {"verdict": "approve", "reach": "all", "digest": digest_on(page)}
    assert rosa.post(f"execution/executionplan/{plan.pk}/decide/", data).status_code == 302
    with cast.scope():
        assert set(plan.requests.values_list("status", flat=True)) == {"approved"}


def test_it_decides_nothing_on_a_plan_that_changed(cast, rosa, plan):
    digest = digest_on(rosa.text(f"execution/executionplan/{plan.pk}/change/"))
    with cast.scope():
        first = plan.requests.first()
    edit_request(workspace=cast.workspace, actor=cast.ada, request_id=first.pk, payload={**EMAIL, "subject": "Changed"})
    answer = rosa.post(
        f"execution/executionplan/{plan.pk}/decide/", {"verdict": "approve", "reach": "all", "digest": digest}
    )
    assert answer.status_code == 409
    with cast.scope():
        assert set(plan.requests.values_list("status", flat=True)) == {"pending"}


def test_it_decides_on_the_ticked_items_of_a_plan(cast, rosa, plan):
    with cast.scope():
        first, *rest = plan.requests.order_by("id")
    data = {"verdict": "reject", "reach": "picked", "pick": [f"{first.pk}:{first.digest}"], "reason": "Not this one."}
    rosa.post(f"execution/executionplan/{plan.pk}/decide/", data)
    assert status_of(cast, first) == "rejected"
    assert {status_of(cast, one) for one in rest} == {"pending"}


def test_it_keeps_a_viewer_from_deciding_on_a_plan(cast, at, plan):
    page = at("vic").text(f"execution/executionplan/{plan.pk}/change/")
    assert 'name="verdict"' not in page
    data = {"verdict": "approve", "reach": "all", "digest": digest_on(page)}
    assert at("vic").post(f"execution/executionplan/{plan.pk}/decide/", data).status_code == 403


# The queue


def test_it_lists_for_me_what_i_may_decide_and_everything_on_demand(cast, rosa, waiting):
    theirs_, mine = waiting(), waiting(actor=cast.rosa, payload={**EMAIL, "subject": "By Rosa herself"})
    assert f'data-id="{theirs_.pk}"' in rosa.text("queue/")
    assert f'data-id="{mine.pk}"' not in rosa.text("queue/")
    assert f'data-id="{mine.pk}"' in rosa.text("queue/?scope=all")


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("gate=HR_LANG", True),
        ("gate=HR_OPS", False),
        ("channel=email", True),
        ("channel=sms", False),
        ("q=water", True),
        ("q=nowhere-to-be-found", False),
        ("plan=nonsense", True),
    ],
)
def test_it_filters_the_queue(rosa, waiting, query, seen):
    found = waiting()
    assert (f'data-id="{found.pk}"' in rosa.text(f"queue/?scope=all&{query}")) is seen


def test_it_binds_each_line_to_the_digest_it_shows(rosa, waiting):
    found = waiting()
    assert f'value="{found.pk}:{found.digest}"' in rosa.text("queue/")


def test_it_shows_the_message_beside_the_queue_without_a_frame_of_its_own(rosa, waiting):
    found = waiting()
    pane = rosa.text(f"queue/{found.pk}/")
    assert EMAIL["subject"] in pane
    assert f'data-digest="{found.digest}"' in pane
    assert "<html" not in pane


def test_it_asks_for_a_constant_number_of_queries(rosa, waiting, django_assert_max_num_queries):
    for _ in range(8):
        waiting()
    with django_assert_max_num_queries(30):
        assert rosa.text("queue/").count("data-row ") == 8
