"""The demo is the same at every call, and made of nothing but what the shipped services make."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from campaigns.models import Campaign, Draft
from contacts.selectors import consent_states
from execution.models import ExecutionRequest, Limit, RequestGate
from tests.campaigns.test_runs import CSV
from workspaces.models import AuditEntry, Membership, Principal, Token, Workspace
from workspaces.scope import all_workspaces
from workspaces.services import authenticate_token
from workspaces.settings_store import get_setting


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


def seed() -> dict[str, Any]:
    out = StringIO()
    call_command("seed_demo", "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def counts() -> dict[str, int]:
    with all_workspaces("a test counts rows"):
        return {model._meta.label: model._default_manager.count() for model in apps.get_models() if model._meta.managed}


@pytest.mark.django_db
def test_a_second_call_answers_the_same_and_adds_nothing(folder: Path):
    first, rows = seed(), counts()
    assert seed() == first
    assert counts() == rows
    assert (folder / "demo-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_it_answers_in_the_form_that_clients_rely_on(settings: Any):
    answer = seed()
    people = {"owner", "approver", "second_approver", "author", "viewer"}
    for one in (answer, answer["other"]):
        assert one["base_url"] == settings.PUBLIC_URL
        assert set(one["users"]) == people
        assert all(set(user) == {"username", "password", "token"} for user in one["users"].values())
        assert set(one["services"]["agent"]) == {"token"}
    assert (answer["workspace"], answer["other"]["workspace"]) == ("demo", "other")


@pytest.mark.django_db
def test_passwords_and_tokens_let_in_and_are_stored_hashed():
    answer = seed()
    for one in (answer, answer["other"]):
        for role, user in one["users"].items():
            assert authenticate(username=user["username"], password=user["password"]) is not None
            membership = authenticate_token(secret=user["token"]).membership
            assert membership.workspace.slug == one["workspace"]
            assert membership.role == ("approver" if role == "second_approver" else role)
        assert authenticate_token(secret=one["services"]["agent"]["token"]).membership.kind == "service"
    assert not Token.objects.filter(digest=answer["users"]["owner"]["token"]).exists()


@pytest.mark.django_db
def test_the_demos_owner_alone_operates_the_installation():
    seed()
    assert list(Principal.objects.filter(is_operator=True).values_list("name", flat=True)) == ["owner"]


@pytest.mark.django_db
def test_nobody_is_in_both_workspaces():
    seed()
    people = Membership.objects.filter(kind="person").values_list("principal_id", flat=True)
    assert len(people) == len(set(people)) == 10


@pytest.mark.django_db
def test_four_legislative_drafts_wait_at_the_language_gate_with_their_reasons():
    seed()
    workspace = Workspace.objects.get(slug="demo")
    with all_workspaces("a test looks"):
        requests = ExecutionRequest.objects.filter(workspace=workspace)
        gates = RequestGate.objects.filter(workspace=workspace, state="open")
        drafts = Draft.objects.filter(workspace=workspace)
        assert [request.status for request in requests] == ["pending"] * 4
        assert list(gates.values_list("name", flat=True)) == ["HR_LANG"] * 4
        assert all(request.to.endswith(".example") and request.mode == "live" for request in requests)
        assert all(draft.reason and draft.cites and draft.writer == "offline template" for draft in drafts)
        states = consent_states(workspace=workspace, contact_ids=[d.contact_id for d in drafts], purpose="email")
        assert sorted(state.basis for state in states.values()) == [
            *("legitimate_interest", "legitimate_interest", "public_office", "public_office"),
        ]
        assert min(Limit.objects.filter(workspace=workspace).values_list("count", flat=True)) > 100_000
        assert AuditEntry.objects.filter(action="run.proposed").count() == 2


@pytest.mark.django_db
def test_a_demo_over_a_real_mail_server_starts_as_a_dry_run(settings: Any):
    settings.EMAIL_URL = "smtp://mail.example.org:25"
    seed()
    assert Workspace.objects.get(slug="demo").mode == "dry_run"


@pytest.mark.django_db
def test_what_a_person_changed_in_the_demo_stays():
    seed()
    Workspace.objects.filter(slug="demo").update(mode="dry_run")
    seed()
    assert Workspace.objects.get(slug="demo").mode == "dry_run"


@pytest.mark.django_db
def test_a_lost_key_makes_new_logins_that_work(folder: Path):
    before = seed()
    (folder / "demo-key").unlink()
    after = seed()
    assert after["users"]["viewer"]["password"] != before["users"]["viewer"]["password"]
    user = after["users"]["viewer"]
    assert authenticate(username=user["username"], password=user["password"]) is not None
    assert authenticate_token(secret=user["token"]).membership.role == "viewer"


@pytest.mark.django_db
def test_a_seeding_that_broke_off_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("campaigns.demo.content.perform_run", lambda **told: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            seed()
    seed()
    with all_workspaces("a test looks"):
        assert Campaign.objects.count() == 2
        assert ExecutionRequest.objects.filter(workspace__slug="demo").count() == 4


@pytest.mark.django_db
def test_a_goal_in_words_becomes_a_plan_that_waits(folder: Path, settings: Any):
    seed()
    path = folder / "mine.csv"
    path.write_bytes(CSV)
    out = StringIO()
    call_command("goal", "Win the senate for energy", "--workspace", "demo", "--prospects", str(path), stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Left out, because it has no email address: mine.csv, row 3."
    assert "1 waiting at HR_LANG" in lines
    assert lines[-1].startswith(f"{settings.PUBLIC_URL}/w/demo/admin/execution/executionplan/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Win", "--workspace", "nowhere"], "There is no workspace “nowhere”. There are: demo, other."),
        (["", "--workspace", "demo"], "Say in words"),
        (["Win", "--workspace", "demo", "--prospects", "missing.csv"], "missing.csv cannot be read"),
        (["Win", "--workspace", "demo", "--query", "nobody-at-all"], "There is nobody to write to."),
    ],
)
def test_a_goal_that_cannot_be_worked_on_says_why(arguments: list[str], told: str):
    seed()
    with pytest.raises(CommandError, match=told.replace("(", r"\(")) as refused:
        call_command("goal", *arguments)
    assert "Traceback" not in str(refused.value)


@pytest.mark.django_db
def test_a_large_plan_of_the_demo_goes_out_at_once():
    seed()
    above = {w.slug: get_setting(key="canary_above", workspace=w) for w in Workspace.objects.all()}
    assert above == {"demo": 0, "other": 0}
