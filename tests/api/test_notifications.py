"""What each member is notified of, over HTTP: their own, newest first, read by themselves."""

from urllib.parse import parse_qs, urlsplit

import pytest

from execution.alerts.telling import tell_due
from execution.services.alerts import raise_alert


@pytest.fixture
def told(cast):
    for number in range(3):
        raise_alert(workspace_id=cast.workspace.id, kind="uncertain", fingerprint=str(number), title=f"Number {number}")
    tell_due()


def test_they_are_listed_with_their_alerts_page_by_page(rosa, told):
    first = rosa.get("notifications", limit="2").json
    assert len(first["results"]) == 2
    rest = rosa.get("notifications", limit="2", cursor=parse_qs(urlsplit(first["next"]).query)["cursor"][0]).json
    titles = [row["alert"]["title"] for row in [*first["results"], *rest["results"]]]
    assert sorted(titles) == ["Number 0", "Number 1", "Number 2"]
    assert {row["read_at"] for row in first["results"]} == {None}


def test_one_is_read_and_then_only_the_others_are_unread(rosa, told, api_of):
    found = rosa.get("notifications").json["results"][0]["id"]
    assert rosa.post(f"notifications/{found}/read").json["read_at"]
    assert len(rosa.get("notifications", unread="true").json["results"]) == 2
    assert len(rosa.get("notifications", unread="false").json["results"]) == 1
    assert len(api_of("sam").get("notifications", unread="true").json["results"]) == 3


def test_all_are_read_at_once(rosa, told):
    assert rosa.post("notifications/read").json == {"read": 3}
    assert rosa.post("notifications/read").json == {"read": 0}


def test_somebody_elses_is_404(rosa, told, api_of):
    found = rosa.get("notifications").json["results"][0]["id"]
    assert api_of("sam").post(f"notifications/{found}/read").json["status"] == 404


def test_a_viewer_is_notified_of_nothing(told, api_of):
    assert api_of("vic").get("notifications").json["results"] == []
