"""Forms: written by the services, refused at the field, secrets shown once or never."""

import json
import re

import pytest

from execution.models import Alert, GateDefinition, Limit, PolicyVersion, ProviderAccount, SendWindow
from execution.services.alerts import raise_alert
from workspaces.admin.spans import SpanWidget
from workspaces.models import Membership, Token, User, Workspace
from workspaces.settings_store import get_setting

pytestmark = pytest.mark.django_db


def test_it_changes_a_gate(cast, owner):
    with cast.scope():
        gate = GateDefinition.objects.get(name="HR_LANG")
    data = {
        "label": "Two pairs of eyes",
        "roles": ["approver"],
        "quorum": "2",
        "answer_within_seconds_0": "90",
        "answer_within_seconds_1": "60",
        "expires_after_seconds_0": "2",
        "expires_after_seconds_1": "86400",
        "escalate_to": "ada",
    }
    owner.post(f"execution/gatedefinition/{gate.pk}/change/", data)
    with cast.scope():
        gate.refresh_from_db()
    assert (gate.quorum, gate.roles, gate.escalate_to) == (2, ["approver"], "ada")
    assert (gate.answer_within_seconds, gate.expires_after_seconds) == (5_400, 172_800)


def test_it_offers_the_members_of_this_workspace_to_escalate_to_and_nobody_else(cast, owner):
    with cast.scope():
        gate = GateDefinition.objects.get(name="HR_LANG")
    page = owner.text(f"execution/gatedefinition/{gate.pk}/change/")
    [offered] = re.findall(r'<select name="escalate_to".*?</select>', page, re.S)
    assert set(re.findall(r'value="([^"]*)"', offered)) == {"", "ada", "omar", "rosa", "sam", "vic"}


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [("0", "60", "greater than or equal to 1"), ("", "60", "required"), ("99999", "86400", "Too long"), ("1", "7", "")],
)
def test_it_refuses_a_time_that_is_none(cast, owner, number, unit, words):
    with cast.scope():
        limit = Limit.objects.get(name="email_send")
    data = {"scope": "channel:email", "count": "70", "period_seconds_0": number, "period_seconds_1": unit}
    refused = owner.post(f"execution/limit/{limit.pk}/change/", data)
    assert refused.status_code == 200 and words in refused.content.decode()
    with cast.scope():
        limit.refresh_from_db()
    assert (limit.count, limit.period_seconds) == (50, 86_400)


@pytest.mark.parametrize(
    ("seconds", "number", "unit"),
    [(86_400, 1, "days"), (5_400, 90, "minutes"), (172_800, 2, "days"), (61, 61, "seconds")],
)
def test_it_shows_a_time_in_the_largest_unit_that_divides_it(seconds, number, unit):
    shown = SpanWidget().render("span", seconds)
    assert f'value="{number}"' in shown and re.search(r"selected[^>]*>\s*" + unit, shown)


def test_it_changes_a_limit(cast, owner):
    with cast.scope():
        limit = Limit.objects.get(name="email_send")
    owner.post(
        f"execution/limit/{limit.pk}/change/",
        {"scope": "channel:email", "count": "70", "period_seconds_0": "12", "period_seconds_1": "3600"},
    )
    with cast.scope():
        limit.refresh_from_db()
    assert (limit.count, limit.period_seconds) == (70, 43_200)


def test_it_gives_a_channel_hours_and_changes_them(cast, owner):
    hours = {"channel": "press", "weekdays": ["0", "1", "2"], "opens": "09:00", "closes": "17:30"}
    owner.post("execution/sendwindow/add/", hours)
    with cast.scope():
        window = SendWindow.objects.get()
    assert (window.channel, window.weekdays, f"{window.closes:%H:%M}") == ("press", "012", "17:30")
    page = owner.text(f"execution/sendwindow/{window.pk}/change/")
    assert len(re.findall(r'name="weekdays"[^>]*\schecked[\s>=]', page)) == 3
    wrong = owner.post(f"execution/sendwindow/{window.pk}/change/", {**hours, "opens": "18:00"})
    assert "Later than it opens" in wrong.content.decode()
    owner.post(f"execution/sendwindow/{window.pk}/change/", {**hours, "weekdays": ["5"], "closes": "00:00"})
    with cast.scope():
        window.refresh_from_db()
    assert (window.weekdays, f"{window.closes:%H:%M}") == ("5", "00:00")


ACCOUNT = {
    "name": "Outreach",
    "channel": "email",
    "provider": "smtp",
    "host": "mail.example.org",
    "port": "587",
    "username": "outreach",
    "security": "starttls",
    "from_email": "outreach@example.org",
    "from_name": "Outreach",
    "options": "{}",
    "max_connections": "4",
}


def test_it_takes_a_secret_in_and_never_shows_it(cast, owner, at):
    secret = "a-secret-nobody-may-read"
    owner.post("execution/provideraccount/add/", {**ACCOUNT, "new_secret": secret})
    with cast.scope():
        account = ProviderAccount.objects.get(name="Outreach")
    assert account.secret
    assert secret not in account.secret
    page = f"execution/provideraccount/{account.pk}/change/"
    for text in (owner.text(page), at("rosa").text(page), owner.text("execution/provideraccount/")):
        assert secret not in text
        assert account.secret not in text
    owner.post(page, {**ACCOUNT, "host": "mail2.example.org", "new_secret": ""})
    with cast.scope():
        after = ProviderAccount.objects.get(pk=account.pk)
    assert (after.host, after.secret) == ("mail2.example.org", account.secret)


def test_it_gives_an_account_a_pace_and_a_warm_up(cast, owner):
    fields = {**ACCOUNT, "per_second": "5", "warm_up_started_on": "2026-03-02", "warm_up_first_day": "20"}
    owner.post("execution/provideraccount/add/", fields)
    with cast.scope():
        account = ProviderAccount.objects.get(name="Outreach")
    assert (account.per_second, f"{account.warm_up_started_on}") == (5, "2026-03-02")
    assert (account.warm_up_first_day, account.warm_up_growth_percent, account.warm_up_target) == (20, 50, None)
    page = f"execution/provideraccount/{account.pk}/change/"
    text = owner.text(page)
    assert "Pace" in text
    assert "It is warming up" in text or "Its warm-up is over" in text
    wrong = owner.post(page, {**fields, "per_second": "0", "warm_up_target": "20"}).content.decode()
    assert "1 at least. Leave it empty for no pace." in wrong
    wrong = owner.post(page, {**fields, "warm_up_target": "20"}).content.decode()
    assert "More than on the first day; or leave it empty." in wrong


def test_the_list_of_limits_is_without_warm_ups(cast, owner):
    owner.post("execution/provideraccount/add/", {**ACCOUNT, "warm_up_started_on": "2026-03-02"})
    with cast.scope():
        limit = Limit.objects.get(name__startswith="warm_up:")
    assert "warm_up:" not in owner.text("execution/limit/")
    owner.text(f"execution/limit/{limit.pk}/change/", status=404)


def test_it_stops_and_resumes_an_account(cast, owner):
    owner.post("execution/provideraccount/add/", ACCOUNT)
    with cast.scope():
        account = ProviderAccount.objects.get(name="Outreach")
    owner.post(f"execution/provideraccount/{account.pk}/state/", {"state": "stopped"})
    with cast.scope():
        assert ProviderAccount.objects.get().state == "stopped"
    owner.post(f"execution/provideraccount/{account.pk}/state/", {"state": "active"})
    with cast.scope():
        assert ProviderAccount.objects.get().state == "active"


def test_it_publishes_a_policy_only_when_all_of_it_can_be_read(cast, owner):
    broken = [{"name": "x", "when": {"moon": True}, "then": {"gates": ["HR_MOON"]}, "reason": ""}]
    wrong = owner.post("execution/policyversion/publish/", {"rules": json.dumps(broken), "note": "Try"})
    page = wrong.content.decode()
    assert wrong.status_code == 400
    assert "rules.0.when.moon" in page
    assert "rules.0.reason" in page
    assert owner.post("execution/policyversion/publish/", {"rules": "{", "note": "Try"}).status_code == 400
    fine = [{"name": "all", "when": {}, "then": {"gates": ["HR_LEGAL"]}, "reason": "Everything is looked at."}]
    unknown = [{**fine[0], "then": {"gates": ["HR_MOON"]}}]
    assert (
        owner.post("execution/policyversion/publish/", {"rules": json.dumps(unknown), "note": "Try"}).status_code == 400
    )
    with cast.scope():
        assert PolicyVersion.objects.count() == 1
    look = owner.post("execution/policyversion/publish/", {"rules": json.dumps(fine), "note": "Try", "look": "1"})
    assert "ask a person at HR_LEGAL" in look.content.decode()
    with cast.scope():
        assert PolicyVersion.objects.count() == 1
    owner.post("execution/policyversion/publish/", {"rules": json.dumps(fine), "note": "Lawyers first"})
    with cast.scope():
        version = PolicyVersion.objects.get(number=2)
    page = owner.text(f"execution/policyversion/{version.pk}/change/")
    assert "ask a person at HR_LEGAL" in page
    assert "Lawyers first" in page


def test_it_changes_settings_and_says_what_is_wrong(cast, owner):
    owner.post("settings/", {"key": "poll_limit", "value": "25"})
    assert get_setting(key="poll_limit", workspace=cast.workspace) == 25
    wrong = owner.post("settings/", {"key": "poll_limit", "value": "lots"})
    assert wrong.status_code == 400
    assert "whole number" in wrong.content.decode()
    owner.post("settings/", {"channel": "email", "value": "30"})
    assert get_setting(key="undo_seconds.email", workspace=cast.workspace) == 30
    assert owner.post("settings/", {"key": "no_such", "value": "1"}).status_code == 400


def test_it_changes_the_workspace_itself(cast, owner):
    data = {"part": "workspace", "name": "Demo!", "time_zone": "Nowhere/Else", "retention_days": "400"}
    assert "IANA" in owner.post("settings/", data).content.decode()
    owner.post("settings/", {**data, "time_zone": "Europe/Paris"})
    assert Workspace.objects.get(pk=cast.workspace.pk).time_zone == "Europe/Paris"


def test_it_shows_times_in_the_workspace_s_zone(cast, rosa, waiting):
    found = waiting()
    with cast.scope():
        type(found).objects.filter(pk=found.pk).update(created_at="2026-01-01T12:00:00Z")
    assert "07:00:00 EST" in rosa.text(f"execution/executionrequest/{found.pk}/change/")


def test_it_adds_a_person_and_a_service(cast, owner):
    weak = owner.post(
        "workspaces/membership/new/", {"kind": "person", "name": "newbie", "password": "x", "role": "approver"}
    )
    assert weak.status_code == 400
    assert not User.objects.filter(username="newbie").exists()
    owner.post(
        "workspaces/membership/new/",
        {"kind": "person", "name": "newbie", "password": "a long pass phrase", "role": "approver", "full_name": "N Ew"},
    )
    membership = Membership.objects.get(principal__name="newbie", workspace=cast.workspace)
    assert membership.role == "approver"
    owner.post("workspaces/membership/new/", {"kind": "service", "name": "robot", "role": "owner"})
    assert Membership.objects.get(principal__name="robot").role == "service"


def test_it_refuses_to_take_the_last_owner_away(cast, owner):
    membership = Membership.objects.get(principal_id=cast.omar.principal_id)
    answer = owner.post(f"workspaces/membership/{membership.pk}/change/", {"role": "viewer", "is_active": "on"})
    assert "last owner" in answer.content.decode()
    membership.refresh_from_db()
    assert membership.role == "owner"


def test_it_shows_a_token_once(cast, rosa):
    membership = Membership.objects.get(principal_id=cast.rosa.principal_id)
    made = rosa.post("workspaces/token/new/", {"membership": membership.pk, "name": "My script", "days": "30"})
    secret = made.content.decode().split('value="cs_')[1].split('"')[0]
    token = Token.objects.get(name="My script")
    assert token.expires_at
    for path in ("workspaces/token/", f"workspaces/token/{token.pk}/change/", "workspaces/token/new/"):
        assert secret not in rosa.text(path)
    rosa.post(f"workspaces/token/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at


def test_it_makes_nobody_a_token_of_somebody_else(cast, rosa, owner):
    omar = Membership.objects.get(principal_id=cast.omar.principal_id)
    rosas = Membership.objects.get(principal_id=cast.rosa.principal_id)
    assert rosa.post("workspaces/token/new/", {"membership": omar.pk, "name": "x", "days": ""}).status_code == 400
    assert owner.post("workspaces/token/new/", {"membership": rosas.pk, "name": "x", "days": ""}).status_code == 400
    assert not Token.objects.filter(name="x").exists()


def test_it_shows_a_member_only_their_own_tokens(cast, rosa, at, owner):
    cast.token_of("crm")
    token = Token.objects.get(membership__principal__name="crm")
    assert str(token.pk) not in rosa.text("workspaces/token/")
    assert rosa.get(f"workspaces/token/{token.pk}/change/").status_code == 404
    assert str(token.pk) in owner.text("workspaces/token/")


def test_it_acknowledges_an_alert(cast, rosa):
    raise_alert(workspace_id=cast.workspace.id, kind="k", severity="warning", fingerprint="f", title="Look here")
    with cast.scope():
        alert = Alert.objects.get()
    assert "Look here" in rosa.text("")
    rosa.post(f"execution/alert/{alert.pk}/acknowledge/")
    assert "Look here" not in rosa.text("")
    with cast.scope():
        assert Alert.objects.get().acknowledged_by_id == cast.rosa.principal_id
