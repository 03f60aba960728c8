"""The bell, the list behind it, and the ways out that administrators set up."""

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from execution.alerts.delivering import deliver_due
from execution.alerts.telling import tell_due
from execution.models import AlertRoute, EscalationStep, Notification
from execution.services.alert_routes import save_route
from execution.services.alerts import raise_alert
from tests.builders import Cast
from tests.support.http_sink import HttpSink
from workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db
TOKEN = "a-token-nobody-may-see"


def told(cast: Cast, number: int = 1) -> None:
    for place in range(number):
        raise_alert(
            workspace_id=cast.workspace.pk,
            kind="seal_mismatch",
            fingerprint=f"seal:{place}",
            title=f"Changed behind us, {place}",
        )
    tell_due()


def make_route(cast: Cast, url: str = f"json://127.0.0.1:9/{TOKEN}") -> AlertRoute:
    return save_route(workspace=cast.workspace, actor=cast.omar, name="Chat", severity="warning", url=url)


def unread_badge(page: str) -> str:
    return page.split('data-pulse="unread" data-count="')[1].split('"')[0]


def test_the_bell_counts_what_is_unread_on_every_page(cast: Cast, rosa: Any, owner: Any) -> None:
    assert unread_badge(rosa.text("")) == "0"
    told(cast, 3)
    assert unread_badge(rosa.text("queue/")) == "3"
    assert rosa.get("pulse/").json()["unread"] == 3
    rosa.post("notifications/read/")
    assert (unread_badge(rosa.text("")), unread_badge(owner.text(""))) == ("0", "3")


def test_opening_one_reads_it_and_leads_to_the_alert(cast: Cast, rosa: Any) -> None:
    told(cast)
    with cast.scope():
        mine = Notification.objects.get(member_id=cast.rosa.principal_id)
    answer = rosa.post(f"notifications/{mine.pk}/open/")
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"/execution/alert/{mine.alert_id}/change/")
    assert unread_badge(rosa.text("")) == "0"


def test_the_list_takes_as_many_queries_for_forty_as_for_one(cast: Cast, rosa: Any) -> None:
    told(cast)
    rosa.get("notifications/")
    with CaptureQueriesContext(connection) as few:
        rosa.get("notifications/")
    told(cast, 40)
    with CaptureQueriesContext(connection) as many:
        assert "Changed behind us, 39" in rosa.text("notifications/")
    assert len(many) <= len(few)


def test_a_long_list_goes_on_on_the_next_page(cast: Cast, rosa: Any) -> None:
    told(cast, 60)
    assert "?page=1" in rosa.text("notifications/")
    assert rosa.text("notifications/?page=1").count("cs-notices__open") == 10
    assert rosa.get("notifications/?page=x").status_code == 200


def test_strangers_words_are_shown_as_text(cast: Cast, rosa: Any) -> None:
    raise_alert(
        workspace_id=cast.workspace.pk, kind="uncertain", fingerprint="x", title="<svg onload=alert(1)>", detail="<b>"
    )
    tell_due()
    assert "<svg onload" not in rosa.text("notifications/")


def test_the_alerts_page_says_who_was_told_and_how_it_ends(cast: Cast, rosa: Any) -> None:
    make_route(cast)
    told(cast)
    deliver_due()
    with cast.scope():
        notice = Notification.objects.get(member_id=cast.rosa.principal_id)
    page = rosa.text(f"execution/alert/{notice.alert_id}/change/")
    for words in ("Route Chat", "not public", "Only a person ends it.", "Told next"):
        assert words in page, words
    assert TOKEN not in page


def test_a_routes_url_is_never_shown_again(cast: Cast, owner: Any) -> None:
    body = {"name": "Chat", "url": f"jsons://chat.example.org/{TOKEN}", "severity": "warning", "is_active": "on"}
    assert owner.post("execution/alertroute/add/", body).status_code == 302
    with cast.scope():
        route = AlertRoute.objects.get()
    assert TOKEN not in route.secret
    for path in ("execution/alertroute/", f"execution/alertroute/{route.pk}/change/"):
        assert TOKEN not in owner.text(path)
    assert TOKEN not in str(list(AuditEntry.objects.values_list("data", flat=True)))


def test_saving_a_route_without_a_url_keeps_the_one_there_is(cast: Cast, owner: Any) -> None:
    route = make_route(cast)
    body = {"name": "Renamed", "url": "", "severity": "critical", "is_active": "on"}
    assert owner.post(f"execution/alertroute/{route.pk}/change/", body).status_code == 302
    with cast.scope():
        assert AlertRoute.objects.values_list("name", "secret").get() == ("Renamed", route.secret)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "slack://x", "no url at all"])
def test_a_route_that_leads_nowhere_is_refused_at_its_field(cast: Cast, owner: Any, url: str) -> None:
    answer = owner.post("execution/alertroute/add/", {"name": "Chat", "url": url, "severity": "warning"})
    assert answer.status_code == 200
    with cast.scope():
        assert not AlertRoute.objects.exists()


def test_the_test_button_sends_a_message_and_says_so(cast: Cast, owner: Any) -> None:
    with HttpSink() as sink, override_settings(ALERT_ALLOW_PRIVATE=True):
        route = make_route(cast, f"{sink.url}/{TOKEN}")
        owner.post(f"execution/alertroute/{route.pk}/test/")
        assert "The service took the test message" in owner.text("execution/alertroute/")
    assert [body["title"] for _, body in sink.received] == ["A test of Countersign's alerts"]


def test_the_test_button_says_what_went_wrong(cast: Cast, owner: Any) -> None:
    route = make_route(cast)
    owner.post(f"execution/alertroute/{route.pk}/test/")
    page = owner.text("execution/alertroute/")
    assert "not public" in page
    assert TOKEN not in page


def test_a_step_is_added_and_removed(cast: Cast, owner: Any) -> None:
    body = {"severity": "critical", "after_minutes": "5", "route": "", "person": str(cast.sam.principal_id)}
    assert owner.post("execution/escalationstep/add/", body).status_code == 302
    with cast.scope():
        step = EscalationStep.objects.get()
    assert "human:sam" in owner.text("execution/escalationstep/")
    owner.post(f"execution/escalationstep/{step.pk}/remove/")
    with cast.scope():
        assert not EscalationStep.objects.exists()


def test_a_step_names_no_stranger(cast: Cast, owner: Any, other: Any) -> None:
    body = {"severity": "critical", "after_minutes": "5", "route": "", "person": str(other.otto.principal_id)}
    assert owner.post("execution/escalationstep/add/", body).status_code == 200
    with cast.scope():
        assert not EscalationStep.objects.exists()
