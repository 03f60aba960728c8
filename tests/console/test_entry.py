"""Coming in: the login, the workspace in the address, and who is kept out."""

import pytest
from django.contrib import admin
from django.test import Client

from tests.builders import PASSWORD, make_user
from tests.console.browsing import Console
from workspaces.models import Membership

pytestmark = pytest.mark.django_db


def test_it_sends_a_stranger_to_the_login_and_back(client, cast):
    asked = client.get("/w/demo/admin/queue/?scope=all")
    assert asked.status_code == 302
    assert asked["Location"] == "/admin/login/?next=/w/demo/admin/queue/%3Fscope%3Dall"
    answer = client.post(asked["Location"], {"username": "rosa", "password": PASSWORD, "next": "/w/demo/admin/queue/"})
    assert answer["Location"] == "/w/demo/admin/queue/"


@pytest.mark.parametrize("address", ["/", "/admin/"])
def test_it_sends_a_member_to_their_workspace(cast, address):
    client = Client()
    client.force_login(cast.user_of("rosa"))
    assert client.get(address)["Location"] == "/w/demo/admin/"


def test_it_comes_back_to_the_workspace_last_worked_in(cast, other):
    user = cast.user_of("rosa")
    Membership.objects.create(
        workspace=other.workspace, principal=user.principal, kind=user.principal.kind, role="viewer"
    )
    client = Client()
    client.force_login(user)
    assert client.get("/")["Location"] == "/w/demo/admin/"
    assert client.get("/w/other/admin/").status_code == 200
    assert client.get("/")["Location"] == "/w/other/admin/"


def test_it_says_what_is_wrong_with_a_login_without_naming_which(client, cast):
    known = client.post("/admin/login/", {"username": "rosa", "password": "no"}).content
    unknown = client.post("/admin/login/", {"username": "nobody", "password": "no"}).content
    assert b"Please enter a correct username and password" in known
    assert b"Please enter a correct username and password" in unknown


def test_it_tells_a_login_without_a_workspace_what_to_do(client):
    client.force_login(make_user("lone"))
    assert client.get("/", follow=True).status_code == 403
    assert "Ask an administrator" in client.get("/nowhere/").content.decode()


def test_it_hides_a_workspace_from_who_is_no_member(stranger):
    for path in ("", "queue/", "execution/executionrequest/", "settings/", "pulse/"):
        assert stranger.get(path).status_code == 404


def test_it_ends_for_a_member_who_is_switched_off(cast, rosa):
    assert rosa.get("queue/").status_code == 200
    Membership.objects.filter(principal_id=cast.rosa.principal_id).update(is_active=False)
    assert rosa.get("queue/").status_code == 404


def test_it_ends_for_a_login_that_is_switched_off(cast, rosa):
    user = cast.user_of("rosa")
    user.is_active = False
    user.save()
    assert rosa.get("queue/")["Location"].startswith("/admin/login/")


def test_it_needs_the_workspace_in_the_address(rosa):
    assert rosa.get("/admin/queue/").status_code == 404
    assert rosa.get("/admin/execution/executionrequest/").status_code == 404


def test_it_shows_no_table_of_the_queue_and_none_of_django_s_own_logins():
    shown = {model._meta.label for model in admin.site._registry}
    assert not {label for label in shown if label.startswith(("django_q.", "auth.", "sessions."))}
    assert "workspaces.User" not in shown


def test_it_logs_out_by_post_alone(rosa):
    assert rosa.get("/admin/logout/").status_code == 405
    assert rosa.get("queue/").status_code == 200
    rosa.post("/admin/logout/")
    assert rosa.get("queue/").status_code == 302


def test_it_refuses_a_post_without_a_csrf_token(cast, waiting):
    found = waiting()
    console = Console(cast.user_of("rosa"), workspace=cast.workspace, enforce_csrf=True)
    answer = console.post(
        f"execution/executionrequest/{found.pk}/decide/", {"verdict": "approve", "digest": found.digest}
    )
    assert answer.status_code == 403
    with cast.scope():
        found.refresh_from_db()
    assert found.status == "pending"


def test_it_changes_the_password_of_whoever_is_logged_in(cast, rosa):
    new = "another pass phrase of the tests"
    data = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert rosa.post("password_change/", data).status_code == 302
    assert cast.user_of("rosa").check_password(new)
