"""The schema says what the API does: generated calls find no 500 and no answer that it does not describe."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
import yaml
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from campaigns.services.campaigns import create_campaign, start_campaign
from campaigns.services.tasks import create_task
from config.wsgi import application
from contacts.services import create_organisation, suppress
from execution import propose_plan
from execution.models import Alert
from execution.services.alerts import raise_alert
from execution.types import Proposal
from tests.api.client import Api
from tests.api.conftest import EMAIL

EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))
CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def schema_text(**query: str) -> Any:
    return Api().get("/api/schema", **query)


def test_it_is_openapi_3_1_as_json(db):
    body = schema_text().json
    assert body["openapi"] == "3.1.0"
    assert {"token", "session", "cron"} == set(body["components"]["securitySchemes"])


def test_it_is_there_as_yaml_too(db):
    answer = schema_text(format="yaml")
    assert yaml.safe_load(answer.text)["openapi"] == "3.1.0"


def test_it_is_made_without_a_doubt(db):
    SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS, GENERATOR_STATS


def test_every_call_is_described_with_its_problems(db):
    for path, methods in schema_text().json["paths"].items():
        for method, call in methods.items():
            if method == "parameters":
                continue
            where = f"{method} {path}"
            assert call.get("description"), f"{where} says nothing about itself"
            assert {"400", "401", "403"} <= set(call["responses"]), where
            assert "application/problem+json" in call["responses"]["400"]["content"], where
            if "{" in path:
                assert "404" in call["responses"], where


def test_every_call_of_the_interfaces_is_in_it(db):
    paths = set(schema_text().json["paths"])
    wanted = {
        "status", "requests", "requests/{request_id}", "requests/{request_id}/cancel", "requests/{request_id}/run",
        "requests/{request_id}/resolve", "requests/{request_id}/preflight", "plans", "plans/{plan_id}",
        "plans/{plan_id}/approve", "plans/{plan_id}/reject", "pending", "approve", "reject", "request-changes",
        "history", "hold", "release",
    }  # fmt: skip
    others = {
        "contacts", "suppressions", "limits", "alerts", "settings", "cron/tasks/execute", "tasks", "tasks/{task_id}",
        "tasks/{task_id}/approve", "tasks/{task_id}/reject", "tasks/{task_id}/messages", "goals", "campaigns", "runs",
        "runs/{run_id}/retry", "outputs", "metrics",
    }  # fmt: skip
    assert {f"/api/v1/execution/{path}" for path in wanted} | {f"/api/v1/{path}" for path in others} <= paths


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The end of a request would close the connection, and with it the test's transaction."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def things(cast, waiting) -> dict[str, str]:
    """One of everything that an address can name."""
    item = Proposal(channel="email", to="plan@example.org", payload=EMAIL)
    plan = propose_plan(workspace=cast.workspace, actor=cast.crm, title="A plan", items=[item])
    raise_alert(workspace_id=cast.workspace.id, kind="k", severity="info", fingerprint="f", title="t")
    suppressed = suppress(
        workspace=cast.workspace, actor=cast.ada, kind="email", address="no@example.org", reason="manual"
    )
    body = create_organisation(workspace=cast.workspace, actor=cast.ada, name="A body")
    request = waiting()
    campaign = create_campaign(workspace=cast.workspace, actor=cast.ada, goal="Win support")
    run = start_campaign(workspace=cast.workspace, actor=cast.ada, campaign_id=campaign.pk)
    with cast.scope():
        alert = Alert.objects.exclude(kind="hold_set").get()
    return {
        "request_id": str(request.pk),
        "sha256": request.document["wire"][0] if request.document["wire"] else "0" * 64,
        "task_id": str(create_task(workspace=cast.workspace, actor=cast.ada, title="A task").pk),
        "campaign_id": str(campaign.pk),
        "run_id": str(run.pk),
        "draft_id": "01900000-0000-7000-8000-000000000000",
        "plan_id": str(plan.pk),
        "contact_id": str(cast.bob.pk),
        "alert_id": str(alert.pk),
        "suppression_id": str(suppressed.pk),
        "organisation_id": str(body.pk),
        "name": "email_send",
        "key": "poll_limit",
    }


@cache
def described() -> Any:
    """The schema, over the application it describes."""
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = application
    return schema


def operations() -> list[str]:
    """Each call as `METHOD /path`, from the shipped addresses."""
    paths = described().raw_schema["paths"]
    return [f"{method.upper()} {path}" for path, calls in paths.items() for method in calls if method != "parameters"]


@pytest.mark.parametrize("operation", operations())
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sound", "unsound"])
def test_generated_calls_get_described_answers(cast, things, kept_connection, operation, mode):
    method, path = operation.split(" ")
    if mode == GenerationMode.NEGATIVE and "/cron/" in path:
        return  # takes nothing that could be wrong
    schema = described()
    secret = cast.token_of("omar")
    if "/cron/" in path:
        secret = "cron-secret-of-the-tests"

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        known = {name: value for name, value in things.items() if name in (case.path_parameters or {})}
        if mode == GenerationMode.POSITIVE and known:
            case.path_parameters = known
        headers = {"Authorization": f"Bearer {secret}"}
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKED, headers=headers)

    run()
