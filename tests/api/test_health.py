"""Alive, ready, figures."""

import re

import pytest
from django.core.cache import cache
from django.db import DatabaseError

from config import health
from execution.engine import heartbeat
from tests.api.client import Api


def test_it_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_it_is_ready_once_a_cluster_beats(db, client):
    before = client.get("/readyz")
    assert before.status_code == 503
    assert before.json()["checks"]["cluster"].startswith("No cluster")
    heartbeat.beating(role="keeper")()
    after = client.get("/readyz")
    assert after.status_code == 200
    assert after.json() == {"status": "ready", "checks": {"database": "ok", "migrations": "ok", "cluster": "ok"}}


def test_it_is_not_ready_without_its_migrations(db, client, monkeypatch):
    monkeypatch.setattr(health, "_is_migrated", lambda: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "migrate" in answer.json()["checks"]["migrations"]


def test_it_is_not_ready_without_its_database(db, client, monkeypatch):
    def away():
        raise DatabaseError("gone")

    monkeypatch.setattr(health, "_is_migrated", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "It does not answer."


@pytest.fixture
def fresh():
    cache.delete("metrics")
    yield
    cache.delete("metrics")


def test_prometheus_reads_the_figures(fresh, cast, waiting, client):
    waiting()
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.content.decode().splitlines()
    assert 'countersign_requests{channel="email",status="pending"} 1' in lines
    assert "countersign_in_flight 0" in lines
    sample = re.compile(r'countersign_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines)


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"REMOTE_ADDR": "203.0.113.9"}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, 401),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer wrong"}, 401),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer cron-secret-of-the-tests"}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
    ],
)
def test_figures_are_for_this_machine_or_whoever_has_the_secret(fresh, db, client, extra, status):
    assert client.get("/metrics", **extra).status_code == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_only_read(db, path):
    assert Api().call("POST", path).status == 405
