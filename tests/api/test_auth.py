"""Who may call at all: tokens, sessions with CSRF, and the workspace in the address."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_script_prefix
from django.utils import timezone

from tests.api.client import Api
from tests.builders import PASSWORD, make_member, make_token
from workspaces.models import Membership, Principal, Role, Token
from workspaces.services import revoke_token


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer ", "Bearer wrong", "bearer cs_nothing", "Basic cm9zYTp4", "Bearer é", "x" * 9000]
)
def test_a_call_without_a_valid_token_is_401(cast, header):
    answer = Api().call("GET", "execution/status", headers={"Authorization": header} if header else {})
    assert answer.json["status"] == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_or_expired_token_is_401(cast, rosa):
    assert rosa.get("execution/status").status == 200
    revoke_token(token=Token.objects.get(membership__principal_id=cast.rosa.principal_id), actor=cast.rosa)
    assert rosa.get("execution/status").json["status"] == 401
    _, secret = make_token(cast.workspace, cast.sam, expires_at=timezone.now() - timedelta(seconds=1))
    assert Api(secret).get("execution/status").json["status"] == 401


def test_a_member_switched_off_is_401_at_the_next_call(cast, rosa, crm):
    Membership.objects.filter(principal_id=cast.rosa.principal_id).update(is_active=False)
    Principal.objects.filter(pk=cast.crm.principal_id).update(is_active=False)
    for caller in (rosa, crm):
        assert caller.get("execution/status").json["status"] == 401


def test_a_token_notes_when_it_was_used_and_a_get_changes_nothing_else(cast, rosa):
    assert rosa.get("execution/pending").status == 200
    assert Token.objects.get(membership__principal_id=cast.rosa.principal_id).last_used_at is not None


def login(cast, name, *, csrf=False):
    client = Client(enforce_csrf_checks=csrf, raise_request_exception=False)
    assert client.login(username=name, password=PASSWORD)
    return client


def test_somebody_logged_in_calls_with_their_only_workspace(cast):
    body = Api(client=login(cast, "rosa")).get("me").json
    assert (body["actor"], body["workspace"]["slug"]) == ("human:rosa", "demo")


def test_a_change_by_session_needs_the_csrf_token(cast, waiting):
    request = waiting()
    client = login(cast, "rosa", csrf=True)
    body = {"execution_id": str(request.pk), "digest": request.digest}
    refused = Api(client=client).post("execution/approve", body)
    assert refused.json["status"] == 403
    assert "CSRF" in refused.json["detail"]
    client.cookies["csrftoken"] = "x" * 32
    allowed = Api(client=client).post("execution/approve", body, headers={"X-CSRFToken": "x" * 32})
    assert allowed.json["status"] == "approved"


def test_a_token_needs_no_csrf_even_beside_a_session(cast, waiting):
    request = waiting()
    api = Api(cast.token_of("rosa"), client=login(cast, "vic", csrf=True))
    body = {"execution_id": str(request.pk), "digest": request.digest}
    assert api.post("execution/approve", body).json["status"] == "approved"


def test_a_wrong_token_does_not_fall_back_to_the_session(cast):
    assert Api("wrong", client=login(cast, "rosa")).get("me").json["status"] == 401


def test_the_address_says_which_workspace(cast, other):
    make_member(other.workspace, "rosa", role=Role.VIEWER)
    api = Api(client=login(cast, "rosa"))
    assert api.get("/w/demo/api/v1/me").json["role"] == "approver"
    assert api.get("/w/other/api/v1/me").json["role"] == "viewer"
    assert api.get("me").json["workspace"]["slug"] == "other"


def test_without_a_workspace_in_the_address_nobody_guesses_among_several(cast, other):
    make_member(other.workspace, "rosa", role=Role.VIEWER)
    assert Api(client=login(cast, "rosa")).get("me").json["status"] == 403


@pytest.mark.parametrize("slug", ["other", "nowhere"])
def test_a_workspace_one_does_not_belong_to_is_404(cast, other, slug):
    answer = Api(client=login(cast, "rosa")).get(f"/w/{slug}/api/v1/me")
    assert answer.json["status"] == 404


@pytest.mark.parametrize("slug", ["other", "nowhere"])
def test_a_token_works_in_its_own_workspace_alone(cast, other, rosa, slug):
    assert rosa.get("/w/demo/api/v1/me").status == 200
    assert rosa.get(f"/w/{slug}/api/v1/me").json["status"] == 404


def test_an_operator_without_a_membership_is_a_stranger(cast, other):
    assert Api(client=login(cast, "omar")).get("/w/other/api/v1/me").json["status"] == 404


def test_links_below_a_prefix_keep_it(cast, waiting):
    for _ in range(2):
        waiting()
    link = Api(client=login(cast, "rosa")).get("/w/demo/api/v1/execution/pending", limit=1).json["next"]
    assert link.startswith("http://testserver/w/demo/api/v1/execution/pending?")


def test_a_login_switched_off_is_out(cast):
    client = login(cast, "rosa")
    user = cast.user_of("rosa")
    user.is_active = False
    user.save()
    assert Api(client=client).get("me").json["status"] == 401


def test_the_prefix_ends_with_its_request(cast, rosa):
    for path in ("/w/demo/api/v1/me", "/w/demo/api/v1/nothing", "/w/other/api/v1/me"):
        rosa.get(path)
        assert get_script_prefix() == "/"


def test_addresses_made_below_a_prefix_keep_it(cast, crm):
    body = {"channel": "email", "to": "new@example.org", "payload": {"subject": "s", "text": "t"}}
    made = crm.post("/w/demo/api/v1/execution/requests", body)
    assert made.headers["Location"] == f"/w/demo/api/v1/execution/requests/{made.json['id']}"


@pytest.mark.parametrize("path", ["/w/demo/api/v1/me", "/w/nowhere/api/v1/me"])
def test_whoever_is_not_logged_in_learns_nothing_of_a_workspace(cast, path):
    assert Api().get(path).json["status"] == 401
