"""Alerts leave within a minute with no queue running, and once, however many clusters there are."""

import pytest

from execution.models import AlertDelivery
from execution.services.alerts import raise_alert
from tests.support.engine import Engine
from tests.support.http_sink import HttpSink
from tests.support.processes import wait_until
from tests.support.racers import act
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race


def raise_some(engine: Engine, number: int) -> None:
    for place in range(number):
        raise_alert(
            workspace_id=engine.cast.workspace.pk,
            kind="seal_mismatch",
            fingerprint=f"seal:{place}",
            title=f"Number {place}",
        )


def test_the_keeper_alone_delivers_within_a_minute(engine: Engine):
    with HttpSink() as sink, engine.manage("keeper", ALERT_URLS=f"{sink.url}/ops", ALERT_ALLOW_PRIVATE="true"):
        raise_some(engine, 1)
        wait_until(lambda: sink.paths == ["/ops"], seconds=60, what="the alert")
        with workspace_scope(engine.cast.workspace):
            wait_until(lambda: AlertDelivery.objects.filter(state="sent").exists(), seconds=20, what="its record")


def test_several_clusters_deliver_each_alert_once(engine: Engine):
    with HttpSink() as sink:
        raise_some(engine, 30)
        where = {"ALERT_URLS": f"{sink.url}/ops", "ALERT_ALLOW_PRIVATE": "true"}
        rounds = [act("tests.promises.test_alerts:attend_like_a_keeper", **where)] * 3
        ended = engine.race(rounds, rounds, rounds)
    assert {one.error for one in ended} == {""}
    assert sorted(body["title"] for _, body in sink.received) == sorted(f"[Critical] Number {n}" for n in range(30))


def attend_like_a_keeper(*, ALERT_URLS: str, ALERT_ALLOW_PRIVATE: str) -> None:
    """One turn of the alerts' loop; called in racing processes."""
    from django.test import override_settings

    from execution.alerts.duty import attend

    with override_settings(ALERT_URLS=[ALERT_URLS], ALERT_ALLOW_PRIVATE=ALERT_ALLOW_PRIVATE == "true"):
        attend()
