"""Forms: written by the services, refused at the field, secrets shown once or never."""

import io
import json
import re

import pytest

from campaigns.models import AgentRun, Campaign, Task
from contacts.models import ConsentEvent, Contact, Organisation, Suppression
from execution.models import Alert, GateDefinition, Limit, MessageTemplate, PolicyVersion, ProviderAccount, SendWindow
from execution.services.alerts import raise_alert
from workspaces.admin.spans import SpanWidget
from workspaces.models import AuditEntry, Membership, Token, User, Workspace
from workspaces.settings_store import get_setting

pytestmark = pytest.mark.django_db


def test_it_adds_and_changes_a_contact(cast, at):
    ada = at("ada")
    data = {
        "kind": "person",
        "name": "Dora Dean",
        "email": "Dora@Example.org",
        "tags": "energy, Committee",
        "handles": "{}",
    }
    answer = ada.post("contacts/contact/add/", data)
    with cast.scope():
        contact = Contact.objects.get(name="Dora Dean")
        assert {tag.slug for tag in contact.tags.all()} == {"energy", "committee"}
    assert answer["Location"].endswith(f"/contacts/contact/{contact.pk}/change/")
    ada.post(f"contacts/contact/{contact.pk}/edit/", {**data, "title": "Director"})
    assert "Director" in ada.text(f"contacts/contact/{contact.pk}/change/")
    assert AuditEntry.objects.filter(action="contact.created", subject_id=contact.pk).exists()


def test_it_shows_what_is_wrong_with_a_contact_at_its_field(cast, at):
    answer = at("ada").post(
        "contacts/contact/add/", {"kind": "person", "name": "X", "email": "nonsense", "handles": "{}"}
    )
    assert answer.status_code == 200
    assert "email" in answer.content.decode()
    with cast.scope():
        assert not Contact.objects.filter(name="X").exists()


def test_it_keeps_no_history_of_its_own_with_names_in_the_clear(cast, at):
    from django.contrib.admin.models import LogEntry

    at("ada").post("contacts/organisation/add/", {"name": "Acme", "kind": "company"})
    with cast.scope():
        assert Organisation.objects.filter(name="Acme").exists()
    assert not LogEntry.objects.exists()


def test_it_records_consent_suppresses_lifts_and_erases(cast, rosa, owner):
    page = f"contacts/contact/{cast.bob.pk}/"
    given = {"purpose": "email", "status": "granted", "basis": "consent", "source": "a call"}
    rosa.post(page + "consent/", {**given, "basis": ""})
    with cast.scope():
        assert not ConsentEvent.objects.filter(contact=cast.bob).exists()
    rosa.post(page + "consent/", given)
    rosa.post(page + "suppress/", {"kind": "email", "reason": "manual"})
    assert "Suppressed: bob@example.org" in rosa.text(page + "change/")
    with cast.scope():
        row = Suppression.objects.get(address="bob@example.org")
        assert ConsentEvent.objects.filter(contact=cast.bob).count() == 1
    rosa.post(f"contacts/suppression/{row.pk}/lift/", {"reason": "They asked."})
    with cast.scope():
        assert Suppression.objects.get(pk=row.pk).lifted_at
    owner.post(page + "erase/", {"word": "no"})
    with cast.scope():
        assert not Contact.objects.get(pk=cast.bob.pk).is_erased
    owner.post(page + "erase/", {"word": "Erase"})
    with cast.scope():
        assert Contact.objects.get(pk=cast.bob.pk).is_erased


def upload(text: str, name: str = "people.csv") -> io.BytesIO:
    file = io.BytesIO(text.encode())
    file.name = name
    return file


def test_it_imports_contacts_all_or_nothing(cast, at):
    ada = at("ada")
    wrong = ada.post("contacts/contact/import/", {"file": upload("name,email\nAnn,ann@example.org\nBen,nonsense\n")})
    assert wrong.status_code == 400
    assert "row 3" in wrong.content.decode()
    fine = "name,email\nAnn,ann@example.org\nBen,ben@example.org\n"
    assert (
        "What it would do" in ada.post("contacts/contact/import/", {"file": upload(fine), "look": "1"}).content.decode()
    )
    with cast.scope():
        assert not Contact.objects.filter(name="Ann").exists()
    ada.post("contacts/contact/import/", {"file": upload(fine)})
    with cast.scope():
        assert Contact.objects.filter(name__in=["Ann", "Ben"]).count() == 2


def test_it_adds_a_suppression(cast, at):
    at("ada").post(
        "contacts/suppression/add/", {"kind": "email", "address": "Never@Example.org", "reason": "manual", "source": ""}
    )
    with cast.scope():
        assert Suppression.objects.filter(address__iexact="never@example.org").exists()


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


def test_it_lets_a_template_run_alone_only_by_somebody_else(cast, at, rosa):
    at("ada").post(
        "execution/messagetemplate/add/", {"name": "opening-hours", "subject": "Hours", "text": "Nine to five."}
    )
    with cast.scope():
        template = MessageTemplate.objects.get()
    page = rosa.text(f"execution/messagetemplate/{template.pk}/change/")
    digest = page.split('name="digest" value="')[1].split('"')[0]
    rosa.post(f"execution/messagetemplate/{template.pk}/approve/", {"digest": "0" * 64})
    with cast.scope():
        assert MessageTemplate.objects.get().approved_at is None
    rosa.post(f"execution/messagetemplate/{template.pk}/approve/", {"digest": digest})
    with cast.scope():
        assert MessageTemplate.objects.get().approved_by_id == cast.rosa.principal_id


# Campaigns and tasks


@pytest.fixture
def campaign(cast, at):
    at("ada").post(
        "campaigns/campaign/add/",
        {"name": "Storage", "goal": "Win co-sponsors for HB 217", "agent": "outreach", "at_most": "10"},
    )
    with cast.scope():
        return Campaign.objects.get()


@pytest.mark.parametrize(
    "data",
    [
        {"source": "typed", "typed": "Ann Weaver, ann@example.org, energy committee\nben@example.org"},
        {"source": "query", "query": "alice"},
        {"source": "file", "file": "name,email,role\nAnn,ann@example.org,Director\n"},
    ],
)
def test_it_starts_the_agent_from_any_source(cast, at, campaign, data):
    body = {**data, "file": upload(data["file"])} if "file" in data else data
    answer = at("ada").post(f"campaigns/campaign/{campaign.pk}/start/", body)
    with cast.scope():
        run = AgentRun.objects.get()
    assert answer["Location"].endswith(f"/campaigns/campaign/runs/{run.pk}/")
    assert at("ada").get(answer["Location"]).status_code == 200
    assert "It is at work" in at("ada").text(f"campaigns/campaign/{campaign.pk}/change/")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"source": "typed", "typed": "nobody at all"}, "names no email address"),
        ({"source": "typed", "typed": ""}, "one line at least"),
        ({"source": "file"}, "Choose a file"),
        ({"source": "elsewhere"}, "valid choice"),
    ],
)
def test_it_says_what_is_wrong_with_the_prospects(cast, at, campaign, data, words):
    answer = at("ada").post(f"campaigns/campaign/{campaign.pk}/start/", data)
    assert answer.status_code == 400
    assert words in answer.content.decode() or words == "valid choice"
    with cast.scope():
        assert not AgentRun.objects.exists()


def test_it_starts_no_agent_by_get_nor_for_a_viewer(cast, at, campaign):
    assert at("ada").get(f"campaigns/campaign/{campaign.pk}/start/").status_code == 405
    assert at("vic").post(f"campaigns/campaign/{campaign.pk}/start/", {"source": "query"}).status_code == 403
    assert "Start the agent" not in at("vic").text(f"campaigns/campaign/{campaign.pk}/change/")
    with cast.scope():
        assert not AgentRun.objects.exists()


def test_it_approves_and_rejects_tasks(cast, at, rosa):
    for title in ("One", "Two"):
        at("ada").post(
            "campaigns/task/add/",
            {"title": title, "description": "Do it", "priority": "high", "requires_approval": "on", "metadata": "{}"},
        )
    with cast.scope():
        one, two = Task.objects.order_by("id")
    assert at("ada").post(f"campaigns/task/{one.pk}/decide/", {"verdict": "approve"}).status_code == 403
    rosa.post(f"campaigns/task/{one.pk}/decide/", {"verdict": "approve"})
    rosa.post(f"campaigns/task/{two.pk}/decide/", {"verdict": "reject", "reason": "Not now"})
    with cast.scope():
        assert [task.approval for task in Task.objects.order_by("id")] == ["approved", "rejected"]
    assert "Not now" in rosa.text(f"campaigns/task/{two.pk}/change/")
