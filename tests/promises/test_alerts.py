"""Alerts leave within a minute with no queue running, and once, however many clusters there are."""

import socket
import sys
from datetime import timedelta

import pytest

from execution.models import AlertDelivery, ExecutionRequest
from execution.services.alerts import raise_alert
from tests.support.engine import Engine
from tests.support.http_sink import HttpSink
from tests.support.processes import running, wait_until
from tests.support.racers import act
from workspaces.clock import database_now
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def test_the_web_tells_of_a_cluster_that_is_gone(engine: Engine):
    request_id = engine.approved_mails(1)[0]
    with workspace_scope(engine.cast.workspace):
        ExecutionRequest.objects.filter(pk=request_id).update(due_at=database_now() - timedelta(minutes=3))
    with HttpSink() as sink:
        environment = engine.environment(
            ALERT_URLS=f"{sink.url}/ops",
            ALERT_ALLOW_PRIVATE="true",
            ENABLE_AUTO_EXECUTION="true",
            PORT=str(free_port()),
        )
        command = [sys.executable, "-m", "gunicorn", "-c", "python:config.supervisor.web"]
        with running(command, environment=environment, log=engine.folder / "web.log") as web:
            wait_until(lambda: sink.paths or web.process.poll() is not None, seconds=90, what="the alert")
            assert [body["title"] for _, body in sink.received] == ["[Critical] Nobody carries out what is due"]
