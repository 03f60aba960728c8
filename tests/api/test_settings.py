"""Settings that change at run time, over HTTP."""

import pytest

from workspaces.models import AuditEntry


def test_what_is_in_force_is_shown_by_name(rosa):
    body = rosa.get("settings").json
    assert body.items() >= {"mode": "live", "poll_limit": 10, "max_attempts": 3, "global_pause": False}.items()


def test_an_administrator_sets_some_at_once(owner, cast):
    body = owner.patch("settings", {"mode": "dry_run", "poll_limit": 4, "undo_seconds.email": 30}).json
    assert body.items() >= {"mode": "dry_run", "poll_limit": 4, "undo_seconds.email": 30}.items()
    assert owner.get("settings").json == body
    assert AuditEntry.objects.filter(action="setting.changed", workspace=cast.workspace).count() == 3


def test_one_wrong_value_changes_nothing(owner):
    answer = owner.patch("settings", {"poll_limit": 4, "mode": "loud", "colour": "red"})
    assert answer.status == 400
    assert set(answer.json["errors"]) == {"mode", "colour"}
    assert answer.json["errors"]["mode"].startswith("Write dry_run")
    assert "mode: Write dry_run" in answer.json["detail"]
    assert owner.get("settings").json["poll_limit"] == 10


def test_one_setting_says_where_it_comes_from(owner):
    assert owner.put("settings/max_attempts", {"value": 5}).json["value"] == 5
    body = owner.get("settings/max_attempts").json
    assert (
        body.items() >= {"key": "max_attempts", "value": 5, "workspace": 5, "installation": None, "default": 3}.items()
    )


def test_the_stricter_of_environment_and_setting_is_in_force(owner, settings):
    settings.AGENT_DRY_RUN = True
    body = owner.put("settings/mode", {"value": "live"}).json
    assert (body["value"], body["workspace"]) == ("dry_run", "live")


def test_the_installations_settings_are_the_operators(owner, stranger, other, cast):
    answer = owner.call("PUT", "settings/global_pause", {"value": True}, query={"scope": "installation"})
    assert answer.json["installation"] is True
    assert stranger.get("settings").json["global_pause"] is True


@pytest.mark.parametrize("who", ["rosa", "ada", "vic", "crm"])
def test_others_may_look_and_not_set(api_of, who):
    assert api_of(who).get("settings").status == 200
    assert api_of(who).patch("settings", {"mode": "dry_run"}).json["status"] == 403
    assert api_of(who).put("settings/mode", {"value": "dry_run"}).json["status"] == 403


@pytest.mark.parametrize("key", ["colour", "undo_seconds.", "undo_seconds.a b"])
def test_an_unknown_setting_is_refused(owner, key):
    assert owner.put(f"settings/{key}", {"value": 1}).status in (400, 404)


@pytest.mark.parametrize("body", [{}, {"value": 1, "by": "x"}, {"value": "many"}, {"value": None}, {"value": [1]}])
def test_a_value_that_cannot_be_is_400(owner, body):
    assert owner.put("settings/poll_limit", body).json["status"] == 400


def test_it_says_who_is_calling(rosa, crm):
    body = rosa.get("me").json
    assert (body["actor"], body["role"], body["workspace"]["slug"]) == ("human:rosa", "approver", "demo")
    assert "decide" in body["rights"]
    assert "decide" not in crm.get("me").json["rights"]
