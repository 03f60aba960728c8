"""What failed for good goes to a person: one urgent task a failure, and the same after lost news."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Task, TaskMessage
from campaigns.services.escalations import escalate_failures
from campaigns.services.reconcile import reconcile, reconcile_all
from campaigns.services.tasks import update_task
from execution.alerts.resolving import resolve_over
from execution.models import Alert, ExecutionRequest, ProviderAccount
from execution.services.alerts import raise_alert
from execution.services.lifecycle import retry
from execution.states import Status
from tests.builders import Cast, make_cast, make_workspace
from tests.campaigns.world import make_task
from tests.execution.arranged import approved_email, drain_due, put
from tests.machine.recorder import Answer, Service
from workspaces.settings_store import set_setting


def failed_mail(cast: Cast, service: Service) -> ExecutionRequest:
    """A mail that the service refused for good; the news of it is lost."""
    request = approved_email(cast)
    service.script.before = lambda call: Answer.NEVER
    drain_due(cast, request)
    return request


def tasks(cast: Cast) -> list[Task]:
    with cast.scope():
        return list(Task.objects.order_by("id"))


def test_a_failed_request_becomes_an_urgent_task_for_the_person(
    cast: Cast, service: Service, account: ProviderAccount, django_capture_on_commit_callbacks: Any
) -> None:
    set_setting(key="escalation_person", value="sam", workspace=cast.workspace, actor=cast.omar)
    with django_capture_on_commit_callbacks(execute=True):
        request = failed_mail(cast, service)
    (task,) = tasks(cast)
    assert (task.assigned_to, task.get_priority_display(), task.status) == ("sam", "urgent", "new")
    assert str(request.pk) in task.description
    assert task.metadata == {"failed_request": str(request.pk)}


def test_the_alert_address_is_the_default_person(
    cast: Cast, service: Service, account: ProviderAccount, settings: Any
) -> None:
    settings.ALERT_EMAIL = "ops@example.org"
    failed_mail(cast, service)
    reconcile(workspace=cast.workspace)
    assert [task.assigned_to for task in tasks(cast)] == ["ops@example.org"]


def test_the_task_names_nobody(cast: Cast, service: Service, account: ProviderAccount) -> None:
    failed_mail(cast, service)
    reconcile(workspace=cast.workspace)
    (task,) = tasks(cast)
    for word in ("alice", "Alice", "hearing"):
        assert word not in f"{task.title} {task.description} {task.metadata}"


def test_reconcile_catches_what_the_signal_lost_and_makes_it_once(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    request = failed_mail(cast, service)
    assert tasks(cast) == []
    for _ in range(3):
        reconcile_all()
    escalate_failures(workspace=cast.workspace, request_ids=[request.pk])
    assert len(tasks(cast)) == 1


def fail_again(cast: Cast, request: ExecutionRequest) -> None:
    retry(workspace=cast.workspace, actor=cast.rosa, request_id=request.pk, reason="Once more.")
    drain_due(cast, request)
    reconcile(workspace=cast.workspace)


def test_a_second_failure_is_said_on_the_open_task(cast: Cast, service: Service, account: ProviderAccount) -> None:
    request = failed_mail(cast, service)
    reconcile(workspace=cast.workspace)
    fail_again(cast, request)
    (task,) = tasks(cast)
    with cast.scope():
        texts = list(TaskMessage.objects.filter(task=task).order_by("id").values_list("text", flat=True))
    assert texts[-1] == "It was tried again and failed again."


def test_a_second_failure_makes_another_task_where_the_first_was_done(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    request = failed_mail(cast, service)
    reconcile(workspace=cast.workspace)
    (first,) = tasks(cast)
    update_task(workspace=cast.workspace, actor=cast.sam, task_id=first.pk, status="completed")
    fail_again(cast, request)
    assert [task.status for task in tasks(cast)] == ["completed", "new"]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.CANCELLED, Status.UNCERTAIN, Status.REJECTED])
def test_no_other_end_asks_for_a_task(cast: Cast, service: Service, account: ProviderAccount, status: Status) -> None:
    request = approved_email(cast)
    put(cast, request, status=status)
    escalate_failures(workspace=cast.workspace, request_ids=[request.pk])
    assert tasks(cast) == []


@pytest.mark.race
def test_two_at_the_same_moment_make_one_task(live_db: str) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connection

    cast = make_cast()
    requests = [approved_email(cast) for _ in range(8)]
    for request in requests:
        put(cast, request, status=Status.FAILED)
    ids = [request.pk for request in requests]
    start = Barrier(2)

    def race() -> int:
        start.wait(30)
        try:
            return escalate_failures(workspace=cast.workspace, request_ids=ids)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = sum(future.result() for future in [pool.submit(race), pool.submit(race)])
    assert made == len(tasks(cast)) == len(ids)


def is_over(cast: Cast, **fields: Any) -> bool:
    raise_alert(workspace_id=cast.workspace.pk, title="t", **fields)
    resolve_over()
    with cast.scope():
        return bool(Alert.objects.latest("first_at").resolved_at)


def test_the_alert_about_a_task_ends_when_somebody_takes_it_up(cast: Cast) -> None:
    task = make_task(cast)
    with cast.scope():
        Task.objects.filter(pk=task.pk).update(status="escalated")
    assert not is_over(cast, kind="task_failed", fingerprint=f"task:{task.pk}")
    update_task(workspace=cast.workspace, actor=cast.rosa, task_id=task.pk, status="new")
    assert is_over(cast, kind="task_failed", fingerprint=f"task:{task.pk}")


@pytest.mark.parametrize(("budget", "over"), [(0.0, False), (1.0, True)])
def test_the_alert_about_the_budget_ends_when_there_is_some_again(
    cast: Cast, settings: Any, budget: float, over: bool
) -> None:
    settings.LLM_DAILY_BUDGET = budget
    assert is_over(cast, kind="llm_budget", fingerprint="llm_budget") is over


def test_a_poll_asks_no_more_where_there_are_many_workspaces(
    cast: Cast, service: Service, account: ProviderAccount
) -> None:
    failed_mail(cast, service)
    reconcile_all()
    counts = []
    for number in range(3):
        with CaptureQueriesContext(connection) as queries:
            reconcile_all()
        counts.append(len(queries))
        make_workspace(f"another{number}")
    assert counts[0] == counts[1] == counts[2]
