"""Status, holds, limits, alerts and settings over HTTP."""

import pytest

from execution.engine import heartbeat
from execution.models import Alert
from execution.services.alerts import raise_alert
from execution.states import Status


def test_the_status_says_how_carrying_out_stands(rosa, waiting):
    waiting()
    heartbeat.beating(role="keeper")()
    body = rosa.get("execution/status").json
    assert body["status"] == "operational"
    assert (body["enabled"], body["dry_run"], body["schedule"]) == (True, False, "Every 2 minutes")
    assert set(body["counts"]) == set(Status.values)
    assert body["counts"]["pending"] == 1
    assert (body["oldest_due_seconds"], body["in_flight"], body["holds"]) == (0, 0, [])
    assert [worker["role"] for worker in body["workers"]] == ["keeper"]


def test_the_schedule_is_that_of_the_settings(rosa, settings):
    settings.EXECUTION_POLL_MINUTES = 7
    assert rosa.get("execution/status").json["schedule"] == "Every 7 minutes"


def test_switched_off_and_dry_run_show(rosa, settings):
    settings.ENABLE_AUTO_EXECUTION, settings.AGENT_DRY_RUN = False, True
    body = rosa.get("execution/status").json
    assert (body["enabled"], body["dry_run"]) == (False, True)


def test_the_operator_holds_everything_and_releases_it(owner, rosa):
    held = owner.post("execution/hold", {"scope": "global", "reason": "A mistake in the list"})
    assert held.status == 200
    assert (held.json["scope"], held.json["set_by"]) == ("global", "human:omar")
    body = rosa.get("execution/status").json
    assert body["status"] == "paused"
    assert [(h["scope"], h["reason"]) for h in body["holds"]] == [("global", "A mistake in the list")]
    assert owner.post("execution/release", {"scope": "global", "reason": "Mended"}).json["released_by"] == "human:omar"
    assert rosa.get("execution/status").json["status"] == "operational"


def test_a_global_hold_is_for_the_operator(rosa, crm):
    for caller in (rosa, crm):
        assert caller.post("execution/hold", {"scope": "global", "reason": "x"}).json["status"] == 403


def test_a_service_holds_and_never_releases(crm, rosa):
    assert crm.post("execution/hold", {"scope": "channel:email", "reason": "bounces"}).json["scope"] == "channel:email"
    assert rosa.get("execution/status").json["status"] == "operational"
    assert crm.post("execution/release", {"scope": "channel:email", "reason": "x"}).json["status"] == 403
    assert rosa.post("execution/release", {"scope": "channel:email", "reason": "x"}).status == 200


def test_a_hold_of_the_workspace_pauses_it(rosa):
    rosa.post("execution/hold", {"scope": "workspace:demo", "reason": "x"})
    assert rosa.get("execution/status").json["status"] == "paused"


def test_a_release_of_nothing_is_404(rosa):
    assert rosa.post("execution/release", {"scope": "channel:email", "reason": "x"}).json["status"] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "x"}, "scope"),
        ({"scope": "channel:email"}, "reason"),
        ({"scope": "channel:email", "reason": " "}, "reason"),
        ({"scope": "nothing:x", "reason": "x"}, "scope"),
        ({"scope": "channel:pigeon", "reason": "x"}, "scope"),
        ({"scope": "workspace:other", "reason": "x"}, "scope"),
        ({"scope": "account:x", "reason": "x"}, "scope"),
        ({"scope": "channel:email", "reason": "x", "set_by": "human:rosa"}, "set_by"),
    ],
)
def test_it_names_what_is_wrong_with_a_hold(rosa, other, body, field):
    answer = rosa.post("execution/hold", body)
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_the_limits_of_a_new_workspace_are_listed(rosa):
    rows = {row["name"]: row for row in rosa.get("limits").json["results"]}
    assert set(rows) == {"task_executor", "email_send", "social_publish", "newsletter_send", "seo_bulk_apply"}
    assert (rows["email_send"]["scope"], rows["email_send"]["count"]) == ("channel:email", 50)
    assert rows["task_executor"]["period_seconds"] == 86_400


def test_an_administrator_makes_changes_and_deletes_a_limit(owner, rosa):
    body = {"name": "hourly", "scope": "workspace", "count": 5, "period_seconds": 3600}
    made = owner.post("limits", body)
    assert made.status == 201
    assert made.json.items() >= body.items()
    assert owner.post("limits", {**body, "count": 6}).status == 200
    assert owner.patch("limits/hourly", {"count": 7}).json["count"] == 7
    assert owner.get(f"limits/{made.json['id']}").json["count"] == 7
    assert owner.delete("limits/hourly").status == 204
    assert owner.get("limits/hourly").json["status"] == 404
    for answer in (rosa.post("limits", body), rosa.patch("limits/email_send", {"count": 1})):
        assert answer.json["status"] == 403
    assert rosa.delete("limits/email_send").json["status"] == 403


def test_an_administrator_gives_a_channel_hours_and_takes_them_away(owner, rosa):
    body = {"channel": "email", "weekdays": "01234", "opens": "09:00", "closes": "17:30"}
    made = owner.post("windows", body)
    assert (made.status, made.json.items() >= body.items()) == (201, True)
    changed = owner.post("windows", {"channel": "email", "closes": "00:00"})
    assert (changed.status, changed.json["opens"], changed.json["closes"]) == (200, "09:00", "00:00")
    assert rosa.get("windows/email").json["weekdays"] == "01234"
    assert [row["channel"] for row in rosa.get("windows").json["results"]] == ["email"]
    assert rosa.delete("windows/email").status == 403
    assert owner.delete("windows/email").status == 204
    assert owner.get("windows/email").status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"channel": "email", "weekdays": "8"}, "weekdays"),
        ({"channel": "email", "opens": "nine"}, "opens"),
        ({"channel": "email", "opens": "18:00", "closes": "09:00"}, "closes"),
    ],
)
def test_it_names_what_is_wrong_with_hours(owner, body, field):
    answer = owner.post("windows", body)
    assert answer.status == 400
    assert field in answer.json["errors"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "scope": "workspace", "period_seconds": 5}, "count"),
        ({"name": "x", "count": 5, "period_seconds": 5}, "scope"),
        ({"name": "x", "count": 5, "scope": "workspace"}, "period_seconds"),
        ({"name": "x", "count": -1, "scope": "workspace", "period_seconds": 5}, "count"),
        ({"name": "x", "count": 5, "scope": "moon", "period_seconds": 5}, "scope"),
        ({"name": "x", "count": 5, "scope": "account:x", "period_seconds": 5}, "scope"),
        ({"name": "x", "count": 10**20, "scope": "workspace", "period_seconds": 5}, "count"),
    ],
)
def test_it_names_what_is_wrong_with_a_limit(owner, body, field):
    answer = owner.post("limits", body)
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_an_alert_is_listed_and_acknowledged(cast, rosa, api_of):
    raise_alert(
        workspace_id=cast.workspace.id, kind="bounce", severity="warning", fingerprint="f", title="Bounces", detail="d"
    )
    (row,) = rosa.get("alerts", state="open").json["results"]
    assert (row["title"], row["state"], row["count"]) == ("Bounces", "open", 1)
    assert api_of("vic").post(f"alerts/{row['id']}/acknowledge").json["status"] == 403
    seen = rosa.post(f"alerts/{row['id']}/acknowledge").json
    assert (seen["state"], seen["acknowledged_by"]) == ("acknowledged", "human:rosa")
    assert rosa.get("alerts", state="open").json["results"] == []
    assert rosa.get(f"alerts/{row['id']}").json["state"] == "acknowledged"


def test_another_workspaces_alert_is_404(cast, stranger):
    raise_alert(workspace_id=cast.workspace.id, kind="k", severity="info", fingerprint="f", title="t")
    with cast.scope():
        alert = Alert.objects.exclude(kind="hold_set").get()
    assert stranger.get(f"alerts/{alert.pk}").json["status"] == 404
    assert stranger.post(f"alerts/{alert.pk}/acknowledge").json["status"] == 404
