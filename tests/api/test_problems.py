"""Every error below /api/ is problem+json, whoever raised it."""

import pytest
from django.db import OperationalError

from execution.api import operation
from tests.api.client import Api


@pytest.mark.parametrize(
    "path",
    ["/api/", "/api/v1", "/api/v1/", "/api/v2/x", "/api/v1/nothing", "/api/v1/execution/status/", "/api/v1/limits/",
     "/api/schema/", "/api/v1/execution/requests/x/y/z", "/api/v1/alerts/1"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_an_address_that_is_not_there_is_404(db, path, method):
    assert Api().call(method, path).json["status"] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_a_method_that_is_not_there_is_405_and_says_which_are(rosa, method):
    answer = rosa.call(method, "execution/pending")
    assert answer.json["status"] == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_head_answers_as_get_without_a_body(rosa):
    answer = rosa.call("HEAD", "execution/status")
    assert (answer.status, answer.text) == (200, "")


def test_options_says_what_may_be_done(rosa):
    answer = rosa.call("OPTIONS", "execution/requests")
    assert answer.status == 200
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_what_nobody_expected_is_500_without_a_word_about_it(rosa, monkeypatch, caplog):
    def fail(**_):
        raise RuntimeError("secret: the path of a file")

    monkeypatch.setattr(operation, "figures", fail)
    answer = rosa.get("execution/status")
    assert answer.json["status"] == 500
    assert "secret" not in answer.text
    assert "secret: the path of a file" in caplog.text


def test_a_database_that_is_away_is_503(rosa, monkeypatch):
    def fail(**_):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(operation, "figures", fail)
    answer = rosa.get("execution/status")
    assert answer.json["status"] == 503
    assert answer.headers["Retry-After"] == "5"


def test_a_host_nobody_serves_is_400(rosa):
    answer = rosa.call("GET", "execution/status", headers={"Host": "evil.example"})
    assert answer.json["status"] == 400


def test_a_body_that_is_too_large_is_413(rosa, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert rosa.post("execution/approve", {"execution_id": "x" * 200}).json["status"] == 413


def test_a_representation_nobody_makes_is_406(rosa):
    assert rosa.call("GET", "execution/status", headers={"Accept": "text/html"}).json["status"] == 406
