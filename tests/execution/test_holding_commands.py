"""`manage.py hold` and `release`: which workspace they mean, and what they refuse."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from execution.models import Alert, ExecutionPlan, Hold, ProviderAccount
from execution.types import Origin
from tests.builders import Cast, OtherCast, make_member
from tests.execution.arranged import approved_email
from workspaces.scope import all_workspaces

pytestmark = pytest.mark.django_db


def run(name: str, scope: str, *, by: str | None = "human:omar", **more: Any) -> None:
    call_command(name, scope=scope, reason="Look first.", actor=by, **more)


def held() -> list[tuple[str, str]]:
    rows = Hold.objects.filter(released_at=None).select_related("workspace").order_by("pk")
    return [(row.workspace.slug if row.workspace else "", row.address) for row in rows]


@pytest.mark.parametrize("scope", ["channel:email", "agent:writer", "account:default", "workspace:demo"])
def test_it_holds_where_whoever_acts_is_a_member(cast: Cast, other: OtherCast, scope: str) -> None:
    run("hold", scope)
    assert held() == [("demo", scope)]
    run("release", scope)
    assert held() == []


def test_it_finds_a_thing_by_its_id_where_nobody_is_named(
    cast: Cast, other: OtherCast, account: ProviderAccount
) -> None:
    campaign = uuid4()
    approved_email(cast, origin=Origin(campaign_id=campaign, campaign_label="Bees"))
    with cast.scope():
        plan = ExecutionPlan.objects.create(
            workspace=cast.workspace, title="Bees", proposed_by_id=cast.ada.principal_id
        )
    scopes = [f"account:{account.pk}", f"plan:{plan.pk}", f"campaign:{campaign}"]
    for scope in scopes:
        run("hold", scope, by=None)
    assert held() == [("demo", scope) for scope in scopes]


def test_it_asks_which_workspace_of_somebody_who_is_in_two(cast: Cast, other: OtherCast) -> None:
    make_member(other.workspace, "omar", role="owner")
    with pytest.raises(CommandError, match="--workspace SLUG"):
        run("hold", "channel:email")
    run("hold", "channel:email", workspace="other")
    assert held() == [("other", "channel:email")]


@pytest.mark.parametrize(
    ("scope", "by", "words"),
    [
        ("planet:mars", "human:omar", "Write global, workspace:SLUG"),
        ("channel:fax", "human:omar", "There is no channel"),
        ("account:nonsense", "human:omar", "Give its id"),
        ("channel:email", "human:vic", "may not"),
        ("channel:email", "human:nobody", "--workspace SLUG"),
        ("workspace:nowhere", "human:omar", "There is no workspace"),
        ("workspace:demo", "human:nobody", "There is no human:nobody here"),
        ("global", "human:rosa", "operator"),
    ],
)
def test_it_says_what_is_wrong_and_holds_nothing(cast: Cast, other: OtherCast, scope: str, by: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run("hold", scope, by=by)
    assert held() == []


def test_a_hold_from_the_shell_is_told_of_too(cast: Cast, other: OtherCast) -> None:
    run("hold", "global", by=None)
    with all_workspaces("the alerts of both"):
        told = Alert.objects.filter(kind="hold_set").values_list("workspace__slug", "title")
        assert set(told) == {("demo", "A hold was set: global"), ("other", "A hold was set: global")}


def test_only_a_person_releases(cast: Cast) -> None:
    run("hold", "channel:email")
    with pytest.raises(CommandError, match="Only a person releases"):
        run("release", "channel:email", by=None)
    assert held() == [("demo", "channel:email")]
