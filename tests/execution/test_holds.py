"""Holds: what each stops, who may set them, and who alone may let go."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import execution
from execution.models import Alert, ExecutionPlan, ExecutionRequest, Hold, ProviderAccount
from execution.services.holds import release_hold, set_hold
from execution.states import Status
from execution.types import Origin
from tests.builders import Cast, OtherCast, make_workspace
from tests.execution.arranged import again, approved_email, drain_due, put
from tests.machine.recorder import Service
from workspaces.actors import system_actor
from workspaces.errors import InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry
from workspaces.scope import all_workspaces
from workspaces.settings_store import set_setting

CAMPAIGN = UUID("6f1b1f0e-9a3d-4c58-8a57-0d6f2f2a7c11")
PLAN = UUID("6f1b1f0e-9a3d-4c58-8a57-0d6f2f2a7c12")
NOWHERE = UUID("00000000-0000-4000-8000-000000000000")
ORIGIN = Origin(agent="writer", campaign_id=CAMPAIGN, campaign_label="Bees")


@pytest.fixture
def request_due(cast: Cast, account: ProviderAccount) -> ExecutionRequest:
    """A mail of the agent "writer" and of a campaign, approved, due through the account."""
    request = approved_email(cast, origin=ORIGIN)
    with cast.scope():
        plan = ExecutionPlan.objects.create(
            id=PLAN, workspace=cast.workspace, title="Bees", proposed_by_id=cast.ada.principal_id
        )
    put(cast, request, plan=plan)
    return request


def hold(cast: Cast, scope: str, **more: Any) -> Hold:
    arguments: dict[str, Any] = {"actor": cast.omar, "workspace": cast.workspace, "reason": "Wait.", **more}
    return set_hold(scope=scope, **arguments)


def release(cast: Cast, scope: str, **more: Any) -> Hold:
    arguments: dict[str, Any] = {"actor": cast.omar, "workspace": cast.workspace, "reason": "Go on.", **more}
    return release_hold(scope=scope, **arguments)


def scope_of(word: str, account: ProviderAccount) -> str:
    return word.format(account=account.id, campaign=CAMPAIGN, plan=PLAN)


STOPPING = ["global", "workspace", "workspace:demo", "channel:email", "agent:writer", "campaign:{campaign}"]
STOPPING += ["account:{account}", "plan:{plan}"]


@pytest.mark.parametrize("word", STOPPING)
def test_it_stops_what_it_covers_until_a_person_lets_go(
    cast: Cast, service: Service, account: ProviderAccount, request_due: ExecutionRequest, word: str
) -> None:
    scope = scope_of(word, account)
    hold(cast, scope)
    drain_due(cast)
    waits = again(cast, request_due)
    assert (waits.status, waits.wait_reason) == (Status.APPROVED, f"hold:{scope.partition(':')[0]}")
    assert service.calls == []
    release(cast, scope)
    drain_due(cast)
    assert again(cast, request_due).status == Status.SUCCEEDED


@pytest.mark.parametrize("scope", ["channel:sms", "agent:reader", f"campaign:{NOWHERE}", "account:default"])
def test_it_stops_nothing_else(
    cast: Cast, service: Service, account: ProviderAccount, request_due: ExecutionRequest, scope: str
) -> None:
    hold(cast, scope)
    drain_due(cast)
    assert again(cast, request_due).status == Status.SUCCEEDED


@pytest.mark.parametrize("scope", ["workspace", "channel:email", "agent:writer", f"campaign:{CAMPAIGN}"])
def test_it_stops_nothing_in_another_workspace(
    cast: Cast, other: OtherCast, service: Service, request_due: ExecutionRequest, scope: str
) -> None:
    set_hold(scope=scope, reason="Wait.", actor=other.olga, workspace=other.workspace)
    drain_due(cast)
    assert again(cast, request_due).status == Status.SUCCEEDED


def test_it_holds_what_goes_through_the_installations_own_account(cast: Cast, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    request = approved_email(cast)
    hold(cast, "account:default")
    drain_due(cast)
    assert again(cast, request).wait_reason == "hold:account"


def test_the_setting_for_everything_holds_as_a_global_hold_does(
    cast: Cast, service: Service, request_due: ExecutionRequest
) -> None:
    set_setting(key="global_pause", value=True, workspace=cast.workspace, actor=cast.omar)
    drain_due(cast)
    assert (again(cast, request_due).wait_reason, service.calls) == ("hold:global", [])


def test_two_holds_take_two_releases(cast: Cast, service: Service, request_due: ExecutionRequest) -> None:
    hold(cast, "channel:email")
    hold(cast, "agent:writer")
    release(cast, "channel:email")
    drain_due(cast)
    assert again(cast, request_due).wait_reason == "hold:agent"


def test_nothing_is_run_by_hand_past_a_hold(cast: Cast, service: Service, request_due: ExecutionRequest) -> None:
    hold(cast, "workspace")
    drain_due(cast, request_due)
    assert service.calls == []


def test_holding_twice_answers_the_same_hold(cast: Cast) -> None:
    first = hold(cast, "channel:email")
    entries = AuditEntry.objects.count()
    assert hold(cast, "channel:email", reason="Again.").id == first.id
    assert AuditEntry.objects.count() == entries


def test_what_was_released_can_be_held_anew(cast: Cast) -> None:
    first = hold(cast, "channel:email")
    released = release(cast, "channel:email")
    assert (released.id, released.released_by_id, released.release_reason) == (
        first.id,
        cast.omar.principal_id,
        "Go on.",
    )
    assert hold(cast, "channel:email").id != first.id


def test_both_ends_are_on_record(cast: Cast) -> None:
    held = hold(cast, "channel:email")
    release(cast, "channel:email")
    entries = AuditEntry.objects.filter(subject_id=held.id).order_by("id")
    assert [(e.action, e.data) for e in entries] == [
        ("hold.set", {"scope": "channel:email"}),
        ("hold.released", {"scope": "channel:email"}),
    ]


def test_an_agents_developer_holds_by_name(cast: Cast) -> None:
    held = execution.hold(scope="channel:email", reason="Wait.", actor="service:crm", workspace=cast.workspace)
    assert held.set_by_id == cast.crm.principal_id
    released = execution.release(scope="channel:email", reason="Go.", actor="human:rosa", workspace=cast.workspace)
    assert released.released_by_id == cast.rosa.principal_id


# Who may.


@pytest.mark.parametrize("name", ["crm", "rosa", "omar"])
def test_services_and_approvers_hold(cast: Cast, name: str) -> None:
    assert hold(cast, "channel:email", actor=getattr(cast, name)).set_by_id == getattr(cast, name).principal_id


def test_a_viewer_holds_nothing(cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        hold(cast, "channel:email", actor=cast.vic)


@pytest.mark.parametrize("name", ["crm", "writer", "vic", "ada"])
def test_who_releases_nothing(cast: Cast, name: str) -> None:
    held = hold(cast, "channel:email")
    with pytest.raises(NotPermitted):
        release(cast, "channel:email", actor=getattr(cast, name))
    held.refresh_from_db()
    assert held.released_at is None


def test_the_machine_holds_and_never_releases(cast: Cast) -> None:
    hold(cast, "global", actor=system_actor("executor"), workspace=None)
    with pytest.raises(NotPermitted):
        release(cast, "global", actor=system_actor("executor"), workspace=None)


@pytest.mark.parametrize("name", ["rosa", "crm", "ada"])
def test_only_operators_hold_and_release_everything(cast: Cast, name: str) -> None:
    with pytest.raises(NotPermitted):
        hold(cast, "global", actor=getattr(cast, name), workspace=None)
    hold(cast, "global", workspace=None)
    with pytest.raises(NotPermitted):
        release(cast, "global", actor=getattr(cast, name), workspace=None)


def test_nobody_from_elsewhere_holds_or_releases(cast: Cast, other: OtherCast) -> None:
    hold(cast, "channel:email")
    with pytest.raises(NotPermitted):
        hold(cast, "channel:sms", actor=other.olga)
    with pytest.raises(NotPermitted):
        release(cast, "channel:email", actor=other.olga)


# What cannot be held.


@pytest.mark.parametrize(
    "scope",
    [
        *["", "everything", "GLOBAL", "global:x", "channel", "channel:", "channel:fax", "agent:", "campaign:bees"],
        *["account:x", f"account:{NOWHERE}", "plan:x", f"plan:{NOWHERE}", "workspace:other", "workspace:nowhere"],
    ],
)
def test_a_scope_that_names_nothing_is_refused(cast: Cast, other: OtherCast, scope: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hold(cast, scope)
    assert list(refused.value.fields) == ["scope"]
    assert not Hold.objects.exists()


def test_an_account_of_another_workspace_is_none(cast: Cast, other: OtherCast, account: ProviderAccount) -> None:
    with pytest.raises(InvalidInput):
        set_hold(scope=f"account:{account.id}", reason="Wait.", actor=other.olga, workspace=other.workspace)


def test_a_hold_has_a_reason(cast: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        hold(cast, "channel:email", reason=" ")
    assert list(refused.value.fields) == ["reason"]


def test_what_is_not_held_cannot_be_released(cast: Cast) -> None:
    with pytest.raises(NotFound):
        release(cast, "channel:email")


def test_a_global_hold_takes_no_more_statements_where_it_tells_more_workspaces(cast: Cast) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as taken:
            hold(cast, "global", workspace=None)
        release(cast, "global", workspace=None)
        return len(taken)

    few = statements()
    others = [make_workspace(f"other{place}") for place in range(20)]
    assert statements() == few
    with all_workspaces("to count them"):
        told = Alert.objects.filter(kind="hold_set", workspace__in=others).values_list("workspace_id", flat=True)
        assert sorted(told) == sorted(one.id for one in others)
