"""Two clusters poll at one moment, over real commits on PostgreSQL."""

import threading

import pytest
from django.db import connection

from campaigns.models import AgentRun, Task
from campaigns.services.agent_runs import perform_run
from campaigns.services.polling import PollResult, poll_tasks
from execution.models import ExecutionPlan
from tests.builders import make_cast
from tests.campaigns.world import make_run, make_task
from workspaces.errors import Conflict
from workspaces.settings_store import set_setting

POLLERS = 4
TASKS = 12


@pytest.mark.race
def test_pollers_at_one_moment_run_each_task_once(live_db: str):
    cast = make_cast()
    set_setting(key="poll_limit", value=TASKS, workspace=cast.workspace, actor=cast.omar)
    rows = [{"name": "Bob", "email": "bob@example.org", "issues": "energy"}]
    for _ in range(TASKS):
        make_task(cast, metadata={"goal": "Win energy", "prospects": rows})
    gate = threading.Barrier(POLLERS)
    results: list[PollResult] = []

    def poll() -> None:
        gate.wait(timeout=30)
        try:
            results.append(poll_tasks(workspace=cast.workspace))
        finally:
            connection.close()

    threads = [threading.Thread(target=poll) for _ in range(POLLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    with cast.scope():
        assert sum(result.claimed for result in results) == TASKS
        assert sum(result.completed for result in results) == TASKS
        assert set(Task.objects.values_list("status", "execution_attempts")) == {("completed", 1)}
        assert ExecutionPlan.objects.count() == AgentRun.objects.count() == TASKS


@pytest.mark.race
def test_one_run_rung_for_many_times_at_one_moment_makes_one_plan(live_db: str):
    cast = make_cast()
    run = make_run(cast)
    gate = threading.Barrier(POLLERS)
    refused: list[str] = []

    def perform() -> None:
        gate.wait(timeout=30)
        try:
            perform_run(workspace=cast.workspace, run_id=run.pk)
        except Conflict as error:
            refused.append(error.detail)
        finally:
            connection.close()

    threads = [threading.Thread(target=perform) for _ in range(POLLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    with cast.scope():
        assert ExecutionPlan.objects.count() == 1
        run.refresh_from_db()
        assert (run.status, run.tries) == ("done", 1)
