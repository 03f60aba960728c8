"""The kill switch, and what every page says of it."""

import pytest

from execution import hold
from execution.models import Hold

pytestmark = pytest.mark.django_db


def test_it_stops_this_workspace_and_says_so_on_every_page(cast, rosa):
    answer = rosa.post("execution/hold/set/", {"scope": "workspace", "reason": "Something is wrong"})
    assert answer.status_code == 302
    for path in ("", "queue/", "execution/executionrequest/", "contacts/contact/add/"):
        page = rosa.text(path)
        assert "This workspace is on hold" in page, path
        assert "Something is wrong" in page, path
        assert "human:rosa" in page, path


def test_it_comes_back_to_where_it_was_pressed(rosa):
    answer = rosa.post(
        "execution/hold/set/", {"scope": "workspace", "reason": "Calm", "next": "/w/demo/admin/queue/?scope=all"}
    )
    assert answer["Location"] == "/w/demo/admin/queue/?scope=all"


def test_it_needs_a_reason(cast, rosa):
    assert rosa.post("execution/hold/set/", {"scope": "workspace", "reason": "  "}).status_code == 400
    assert not Hold.objects.exists()


def test_it_stops_everything_for_an_operator_alone(cast, rosa, owner):
    refused = rosa.post("execution/hold/set/", {"scope": "global", "reason": "Everything"})
    assert refused.status_code in (400, 403)
    assert not Hold.objects.exists()
    owner.post("execution/hold/set/", {"scope": "global", "reason": "Everything"})
    assert Hold.objects.get().workspace is None
    assert "Everything is on hold" in rosa.text("")


def test_it_is_released_by_who_may_and_offered_to_nobody_else(cast, rosa, at):
    hold(scope="channel:email", reason="A calm day", actor=cast.ada, workspace=cast.workspace)
    assert "/hold/release/" not in at("ada").text("")
    body = {"scope": "channel:email", "reason": "All is well"}
    assert at("ada").post("execution/hold/release/", body).status_code == 403
    assert rosa.post("execution/hold/release/", body).status_code == 302
    assert Hold.objects.get().released_by_id == cast.rosa.principal_id
    assert "A calm day" not in rosa.text("queue/")


def test_it_does_not_offer_an_approver_to_release_everything(cast, rosa):
    hold(scope="global", reason="Restored", actor=cast.omar)
    assert "/hold/release/" not in rosa.text("queue/")
    assert rosa.post("execution/hold/release/", {"scope": "global", "reason": "No"}).status_code == 403


def test_it_says_which_mode_it_is(cast, owner):
    assert "cs-mode--live" in owner.text("queue/")
    owner.post("settings/", {"key": "mode", "value": "dry_run"})
    assert "cs-mode--dry_run" in owner.text("queue/")


def test_it_says_when_the_environment_is_stricter(cast, owner, settings):
    settings.AGENT_DRY_RUN = True
    assert "cs-mode--dry_run" in owner.text("queue/")
    assert "the stricter counts" in owner.text("settings/")


# What is polled


def test_its_numbers_cost_nothing_while_they_stay_the_same(rosa, waiting):
    first = rosa.get("pulse/")
    assert first.json()["waiting"] == 0
    again = rosa.get("pulse/", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    waiting()
    changed = rosa.get("pulse/", headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed.json()["waiting"] == 1


def test_its_numbers_count_what_is_in_flight(cast, rosa, waiting):
    from uuid import uuid4

    from execution.models import ExecutionRequest

    found = waiting()
    with cast.scope():
        ExecutionRequest.objects.filter(pk=found.pk).update(status="dispatching", chunk=uuid4())
    assert rosa.get("pulse/").json()["in_flight"] == 1
    with cast.scope():
        ExecutionRequest.objects.filter(pk=found.pk).update(status="succeeded", chunk=None)
    assert rosa.get("pulse/").json()["in_flight"] == 0


def test_its_numbers_come_in_few_queries(rosa, django_assert_max_num_queries):
    rosa.get("pulse/")
    with django_assert_max_num_queries(10):
        rosa.get("pulse/")


def test_the_dashboard_shows_what_waits_today_and_what_is_in_doubt(cast, rosa, waiting):
    from execution.models import ExecutionRequest

    waits, odd = waiting(), waiting(payload={"subject": "In doubt", "text": "x"})
    rosa.post(f"execution/executionrequest/{waits.pk}/decide/", {"verdict": "reject", "digest": waits.digest})
    with cast.scope():
        ExecutionRequest.objects.filter(pk=odd.pk).update(status="uncertain")
    page = rosa.text("")
    assert f"/executionrequest/{odd.pk}/change/#resolve" in page
    assert ">Rejected</span> <b>1</b>" in page


def test_the_dashboard_comes_in_a_bounded_number_of_queries(rosa, waiting, django_assert_max_num_queries):
    for _ in range(5):
        waiting()
    with django_assert_max_num_queries(45):
        rosa.get("")
