"""When a member was last seen: by the console, the API and decisions, at most once in five minutes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from execution import propose
from execution.services import decisions
from tests.api.client import Api
from tests.builders import Cast
from tests.console.browsing import Console
from workspaces.clock import database_now
from workspaces.models import Membership, Role
from workspaces.selectors import is_unattended, last_decider_seen
from workspaces.services import record_seen
from workspaces.settings_store import set_setting


def membership(cast: Cast, name: str) -> Membership:
    return Membership.objects.get(workspace=cast.workspace, principal_id=getattr(cast, name).principal_id)


def seen(cast: Cast, name: str) -> datetime | None:
    return membership(cast, name).last_seen_at


def put(cast: Cast, name: str, ago: timedelta) -> datetime:
    at = database_now() - ago
    Membership.objects.filter(pk=membership(cast, name).pk).update(last_seen_at=at)
    return at


def look(cast: Cast, name: str, path: str = "") -> None:
    Console(cast.user_of(name), workspace=cast.workspace).get(path)


def test_a_look_at_the_console_is_a_sign_of_life(cast: Cast) -> None:
    look(cast, "vic")
    assert seen(cast, "vic") is not None
    assert seen(cast, "rosa") is None


def test_what_an_open_page_asks_for_by_itself_is_none(cast: Cast) -> None:
    look(cast, "rosa", "pulse/")
    assert seen(cast, "rosa") is None


def test_a_call_with_a_persons_token_is_one(cast: Cast) -> None:
    Api(cast.token_of("rosa")).get("me")
    assert seen(cast, "rosa") is not None


def test_a_call_with_the_session_is_one(cast: Cast) -> None:
    Console(cast.user_of("rosa"), workspace=cast.workspace).client.get("/api/v1/me")
    assert seen(cast, "rosa") is not None


def test_a_service_is_never_seen(cast: Cast) -> None:
    Api(cast.token_of("crm")).get("me")
    assert seen(cast, "crm") is None


def test_a_decision_is_one_wherever_it_is_made(cast: Cast) -> None:
    payload = {"subject": "Hello", "text": "Dear Alice"}
    request = propose(workspace=cast.workspace, actor=cast.ada, channel="email", contact=cast.alice, payload=payload)
    decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)
    assert (seen(cast, "rosa") is not None, seen(cast, "ada")) == (True, None)


def test_it_is_written_at_most_once_in_five_minutes(cast: Cast) -> None:
    at = put(cast, "rosa", timedelta(minutes=4))
    with CaptureQueriesContext(connection) as asked:
        look(cast, "rosa")
    assert seen(cast, "rosa") == at
    assert not [query for query in asked if str(query["sql"]).startswith('UPDATE "workspaces_membership"')]
    put(cast, "rosa", timedelta(minutes=6))
    look(cast, "rosa")
    assert database_now() - (seen(cast, "rosa") or at) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"role": Role.ADMIN}, True),
        ({"role": Role.AUTHOR}, False),
        ({"is_active": False}, False),
    ],
)
def test_only_an_active_member_who_may_decide_counts(cast: Cast, change: dict[str, Any], counts: bool) -> None:
    record_seen(workspace_id=cast.workspace.pk, principal_id=cast.rosa.principal_id)
    Membership.objects.filter(pk=membership(cast, "rosa").pk).update(**change)
    assert (last_decider_seen(workspace_id=cast.workspace.pk) is not None) is counts


def test_a_login_that_is_switched_off_does_not_count(cast: Cast) -> None:
    record_seen(workspace_id=cast.workspace.pk, principal_id=cast.rosa.principal_id)
    user = cast.user_of("rosa")
    user.is_active = False
    user.save()
    assert last_decider_seen(workspace_id=cast.workspace.pk) is None


@pytest.mark.parametrize(
    ("hours", "ago", "unattended"),
    [(0, None, False), (8, None, True), (8, 7, False), (8, 8, True)],
)
def test_it_is_unattended_after_the_hours_the_setting_says(
    cast: Cast, hours: int, ago: int | None, unattended: bool
) -> None:
    set_setting(key="operator_absent_hours", value=hours, workspace=cast.workspace, actor=cast.omar)
    if ago is not None:
        put(cast, "rosa", timedelta(hours=ago))
    assert is_unattended(workspace=cast.workspace) is unattended
