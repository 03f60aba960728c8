"""What raises an alert: holds set and released, accounts stopped, by whom and where."""

from typing import Any

import pytest

from execution.alerts.resolving import resolve_over
from execution.alerts.telling import tell_due
from execution.models import Alert, AlertDelivery, Notification, ProviderAccount
from execution.services.accounts import stop_account
from execution.services.clearing import NEWS_KEPT_FOR
from execution.services.holds import release_hold, set_hold
from execution.services.retention import retain
from tests.builders import Cast, OtherCast
from tests.execution.alerts.raising import raised
from tests.support.clock import StoppedClock
from workspaces.actors import system_actor
from workspaces.models import Workspace
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.django_db


def kinds_of(place: Cast | OtherCast) -> list[tuple[str, str]]:
    with place.scope():
        return list(Alert.objects.order_by("id").values_list("kind", "title"))


def test_a_hold_is_told_when_it_is_set_and_when_it_is_released(cast: Cast, other: OtherCast) -> None:
    where: dict[str, Any] = {"scope": "channel:email", "workspace": cast.workspace}
    set_hold(**where, actor=cast.crm, reason="Bounces.")
    set_hold(**where, actor=cast.ada, reason="Again.")
    release_hold(**where, actor=cast.rosa, reason="Mended.")
    assert kinds_of(cast) == [
        ("hold_set", "A hold was set: channel:email"),
        ("hold_released", "A hold was released: channel:email"),
    ]
    assert kinds_of(other) == []


def test_a_hold_over_everything_is_told_everywhere(cast: Cast, other: OtherCast) -> None:
    set_hold(scope="global", actor=cast.omar, reason="Calm.")
    assert [kind for kind, _ in kinds_of(cast)] == [kind for kind, _ in kinds_of(other)] == ["hold_set"]


def test_the_pause_by_a_setting_is_told_like_a_hold_where_it_holds(
    cast: Cast, other: OtherCast, django_capture_on_commit_callbacks: Any
) -> None:
    def pause(value: bool, *, workspace: Workspace | None) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            set_setting(key="global_pause", value=value, workspace=workspace, actor=cast.omar)

    pause(True, workspace=cast.workspace)
    assert (kinds_of(cast), kinds_of(other)) == ([("hold_set", "A hold was set: global_pause")], [])
    pause(True, workspace=None)
    pause(False, workspace=cast.workspace)
    assert [kind for kind, _ in kinds_of(cast)] == [kind for kind, _ in kinds_of(other)] == ["hold_set"]
    assert resolve_over() == 0
    pause(False, workspace=None)
    assert [kind for kind, _ in kinds_of(cast)] == ["hold_set", "hold_released"]
    assert [kind for kind, _ in kinds_of(other)] == ["hold_set", "hold_released"]
    assert resolve_over() == 2
    pause(False, workspace=None)
    assert len(kinds_of(cast)) == 2


def test_a_hold_of_the_machine_has_its_own_alert_and_no_second(cast: Cast) -> None:
    set_hold(scope="channel:email", actor=system_actor("executor"), reason="x", workspace=cast.workspace)
    assert kinds_of(cast) == []


@pytest.mark.parametrize(("by_the_machine", "severity"), [(True, "critical"), (False, "warning")])
def test_a_stopped_account_is_told_with_the_reason(
    cast: Cast, account: ProviderAccount, by_the_machine: bool, severity: str
) -> None:
    actor = system_actor("executor") if by_the_machine else cast.rosa
    stop_account(workspace=cast.workspace, actor=actor, account_id=account.pk, reason="The key was stolen.")
    with cast.scope():
        alert = Alert.objects.get()
    assert (alert.kind, alert.severity, alert.detail) == ("account_stopped", severity, "The key was stolen.")


def test_what_is_old_is_forgotten_and_what_is_not_stays(cast: Cast, clock: StoppedClock, settings: Any) -> None:
    settings.ALERT_EMAIL = "ops@example.org"
    raised(cast)
    tell_due()
    with cast.scope():
        AlertDelivery.objects.update(state="sent")
    assert retain(workspace=cast.workspace)["demo"].deleted == {}
    clock.advance(NEWS_KEPT_FOR.total_seconds() + 60)
    assert sum(retain(workspace=cast.workspace)["demo"].deleted.values()) > 1
    with cast.scope():
        assert (AlertDelivery.objects.exists(), Notification.objects.exists(), Alert.objects.count()) == (
            False,
            False,
            1,
        )
