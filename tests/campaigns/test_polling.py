"""The poll of tasks: which, in which order, how many, how often, and what becomes of each."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns.backoff import retry_delay
from campaigns.models import AgentRun, Draft, Task, TaskMessage
from campaigns.services import polling
from campaigns.services.agent_runs import perform_run
from campaigns.services.polling import poll_tasks
from campaigns.services.tasks import approve_task, reject_task, update_task
from execution import hold
from execution.models import Alert, ExecutionPlan
from execution.services.limits import set_limit
from tests.builders import Cast, make_workspace
from tests.campaigns.world import PROSPECTS, make_task
from workspaces.models import AuditEntry
from workspaces.settings_store import set_setting

NOBODY: dict[str, Any] = {"goal": "Meet", "prospects": [{"name": "No mail"}]}


def poll(cast: Cast, *, manual: bool = False) -> polling.PollResult:
    return poll_tasks(manual=manual, workspace=cast.workspace)


def fresh(cast: Cast, task: Task) -> Task:
    with cast.scope():
        return Task.objects.get(pk=task.pk)


def overdue(cast: Cast, task: Task, **values: Any) -> None:
    """As if the wait of the task were over."""
    with cast.scope():
        Task.objects.filter(pk=task.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1), **values)


def test_it_completes_a_task_with_a_deliverable_and_a_log(cast: Cast, settings):
    task = make_task(cast)
    assert poll(cast) == polling.PollResult(claimed=1, completed=1, failed=0)
    done = fresh(cast, task)
    assert (done.status, done.execution_attempts, done.execution_error) == ("completed", 1, "")
    assert done.deliverable_url.startswith(f"{settings.PUBLIC_URL}/w/demo/admin/") and str(done.plan_id) in (
        done.deliverable_url
    )
    with cast.scope():
        texts = list(TaskMessage.objects.filter(task=task).order_by("id").values_list("text", flat=True))
    assert texts[0] == "Created." and texts[1] == "Taken up, try 1."
    assert "Picked 2 of 2." in texts and texts[-1].startswith("Completed. Picked 2 targets")


def test_it_takes_the_urgent_first_and_then_the_older(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    made = {name: make_task(cast, title=name, priority=name.split()[0]) for name in ("low 1", "high 1", "urgent 1")}
    made |= {name: make_task(cast, title=name, priority=name.split()[0]) for name in ("high 2", "normal 1")}
    seen: list[str] = []
    run = polling._run

    def watch(**told: Any) -> Any:
        seen.append(told["task"].title)
        return run(**told)

    monkeypatch.setattr(polling, "_run", watch)
    poll(cast)
    assert seen == ["urgent 1", "high 1", "high 2", "normal 1", "low 1"]


def test_it_takes_no_more_than_the_poll_limit(cast: Cast):
    set_setting(key="poll_limit", value=2, workspace=cast.workspace, actor=cast.omar)
    for _ in range(3):
        make_task(cast)
    assert poll(cast).claimed == 2
    assert poll(cast).claimed == 1


def test_the_limit_of_a_new_workspace_is_ten(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    for _ in range(11):
        make_task(cast, metadata=NOBODY)
    assert poll(cast).claimed == 10


def test_a_task_that_waits_for_approval_is_not_taken_until_it_has_it(cast: Cast):
    task = make_task(cast, requires_approval=True)
    rejected = make_task(cast, requires_approval=True)
    reject_task(workspace=cast.workspace, actor=cast.rosa, task_id=rejected.pk)
    assert poll(cast).claimed == 0
    approve_task(workspace=cast.workspace, actor=cast.rosa, task_id=task.pk)
    assert poll(cast).completed == 1


def test_a_persons_task_is_not_the_machines(cast: Cast):
    make_task(cast, assigned_agent="", metadata={})
    assert poll(cast).claimed == 0


def test_poll_runs_count_under_their_limit(cast: Cast):
    set_limit(workspace=cast.workspace, actor=cast.omar, name="task_executor", count=1)
    make_task(cast)
    assert poll(cast).completed == 1
    make_task(cast)
    assert poll(cast).claimed == 0


def test_a_failure_is_tried_again_later_and_says_why(cast: Cast):
    task = make_task(cast, metadata=NOBODY)
    assert poll(cast) == polling.PollResult(claimed=1, completed=0, failed=1)
    failed = fresh(cast, task)
    assert (failed.status, failed.execution_attempts) == ("new", 1)
    assert "nobody to write to" in failed.execution_error
    assert failed.next_attempt_at is not None


def test_a_task_is_not_tried_before_its_time(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "retry_delay", lambda attempt: timedelta(minutes=1))
    make_task(cast, metadata=NOBODY)
    poll(cast)
    assert poll(cast).claimed == 0


def test_one_poll_does_not_try_a_task_twice(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "retry_delay", lambda attempt: timedelta(0))
    make_task(cast, metadata=NOBODY)
    assert poll(cast).claimed == 1


def test_after_three_failures_a_person_is_asked(cast: Cast):
    set_setting(key="escalation_person", value="sam", workspace=cast.workspace, actor=cast.omar)
    task = make_task(cast, metadata=NOBODY)
    for _ in range(4):
        poll(cast)
        overdue(cast, task)
    assert (fresh(cast, task).status, fresh(cast, task).execution_attempts) == ("escalated", 3)
    with cast.scope():
        follow_up = Task.objects.get(metadata={"escalated_task": str(task.pk)})
        assert (follow_up.get_priority_display(), follow_up.assigned_to, follow_up.assigned_agent) == (
            *("urgent", "sam", ""),
        )
        assert Alert.objects.get(kind="task_failed").severity == "critical"


def test_a_task_that_was_escalated_can_be_sent_round_again(cast: Cast):
    task = make_task(cast, metadata=NOBODY)
    for _ in range(3):
        poll(cast)
        overdue(cast, task)
    update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, metadata={"prospects": PROSPECTS})
    update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, status="new")
    assert poll(cast).completed == 1


def test_an_error_of_ours_is_a_failed_try_and_stops_nobody_else(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    broken, fine = make_task(cast, priority="urgent"), make_task(cast)
    perform = perform_run

    def break_off(**told: Any) -> Any:
        with cast.scope():
            if AgentRun.objects.get(pk=told["run_id"]).task_id == broken.pk:
                raise RuntimeError("a bug")
        return perform(**told)

    monkeypatch.setattr(polling, "perform_run", break_off)
    assert poll(cast) == polling.PollResult(claimed=2, completed=1, failed=1)
    assert fresh(cast, broken).execution_error == "It broke off (RuntimeError); the log has the details."
    assert fresh(cast, fine).status == "completed"


def test_each_move_of_a_task_is_on_record_once(cast: Cast):
    task = make_task(cast, metadata=NOBODY)
    poll(cast)
    update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, metadata={"prospects": PROSPECTS})
    overdue(cast, task)
    poll(cast)
    actions = AuditEntry.objects.filter(subject_id=task.pk).order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        *("task.created", "task.started", "task.retry", "task.changed", "task.started", "task.completed"),
    ]


@pytest.mark.parametrize("scope", ["agent:outreach", "workspace:demo"])
def test_a_hold_leaves_tasks_where_they_are(cast: Cast, scope: str):
    task = make_task(cast)
    hold(scope=scope, reason="Wait.", actor=cast.rosa, workspace=cast.workspace)
    assert poll(cast, manual=True).claimed == 0
    assert (fresh(cast, task).status, fresh(cast, task).execution_attempts) == ("new", 0)


def test_a_global_hold_stops_every_workspace(cast: Cast):
    make_task(cast)
    hold(scope="global", reason="Wait.", actor=cast.omar)
    assert poll_tasks(manual=True).claimed == 0


def test_workspaces_without_a_task_or_a_run_cost_nothing(cast: Cast, django_assert_num_queries: Any):
    for place in range(20):
        make_workspace(f"other{place}")
    with django_assert_num_queries(2):  # the time, and who has anything open
        assert poll_tasks(manual=True).claimed == 0


def test_what_is_held_does_not_take_the_place_of_what_is_not(cast: Cast):
    from campaigns.services.campaigns import create_campaign

    set_setting(key="poll_limit", value=1, workspace=cast.workspace, actor=cast.omar)
    campaign = create_campaign(workspace=cast.workspace, actor=cast.ada, goal="Held")
    make_task(cast, priority="urgent", campaign=str(campaign.pk))
    free = make_task(cast)
    hold(scope=f"campaign:{campaign.pk}", reason="Wait.", actor=cast.rosa, workspace=cast.workspace)
    assert poll(cast).completed == 1
    assert fresh(cast, free).status == "completed"


def test_a_hold_set_in_the_middle_is_no_failed_try(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    task = make_task(cast)
    perform = perform_run

    def hold_first(**told: Any) -> Any:
        hold(scope="agent:outreach", reason="Wait.", actor=cast.rosa, workspace=cast.workspace)
        return perform(**told)

    monkeypatch.setattr(polling, "perform_run", hold_first)
    assert poll(cast) == polling.PollResult(claimed=1, completed=0, failed=0)
    assert (fresh(cast, task).status, fresh(cast, task).execution_attempts) == ("new", 0)


@pytest.mark.parametrize("off", ["environment", "workspace"])
def test_with_auto_execution_off_only_a_person_or_the_cron_post_runs_tasks(cast: Cast, settings, off: str):
    make_task(cast)
    if off == "environment":
        settings.ENABLE_AUTO_EXECUTION = False
    else:
        set_setting(key="execution_enabled", value=False, workspace=cast.workspace, actor=cast.omar)
    assert poll(cast).claimed == 0
    assert poll(cast, manual=True).completed == 1


def test_a_task_whose_process_died_is_taken_up_when_its_lease_is_over(cast: Cast):
    task = make_task(cast)
    overdue(cast, task, status="in_progress", execution_attempts=1, lease_until=timezone.now() - timedelta(minutes=1))
    assert poll(cast).completed == 1
    assert fresh(cast, task).execution_attempts == 2


def test_a_task_that_another_process_has_is_left_to_it(cast: Cast):
    task = make_task(cast)
    overdue(cast, task, status="in_progress", execution_attempts=1, lease_until=timezone.now() + timedelta(minutes=1))
    assert poll(cast).claimed == 0


def test_a_task_whose_last_try_died_is_escalated(cast: Cast):
    task = make_task(cast)
    overdue(cast, task, status="in_progress", execution_attempts=3, lease_until=timezone.now() - timedelta(minutes=1))
    assert poll(cast).claimed == 0
    assert fresh(cast, task).status == "escalated"


def test_a_death_between_the_plan_and_the_task_makes_no_second_plan(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    task = make_task(cast)
    with monkeypatch.context() as patch:
        patch.setattr(polling, "_complete", lambda **told: None)
        poll(cast)
    overdue(cast, task, lease_until=timezone.now() - timedelta(minutes=1))
    assert poll(cast).completed == 1
    with cast.scope():
        assert ExecutionPlan.objects.count() == 1 and Draft.objects.count() == 2
    assert fresh(cast, task).plan_id is not None


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 60), (2, 120), (3, 240), (7, 3_600), (40, 3_600)])
def test_the_wait_doubles_up_to_an_hour_and_is_drawn_from_all_of_it(attempt: int, ceiling: float):
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    assert retry_delay(attempt=attempt, draw=draw) == timedelta(seconds=ceiling)
    assert drawn == [(0.0, ceiling)]
