from typing import Any

import pytest

from campaigns.models import Task, TaskMessage
from campaigns.services.tasks import approve_task, create_task, reject_task, update_task
from campaigns.states import BY_HAND, TASK_TRANSITIONS, TaskStatus
from tests.builders import Cast, OtherCast
from tests.campaigns.world import make_task
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry


def messages(cast: Cast, task: Task) -> list[str]:
    with cast.scope():
        return list(TaskMessage.objects.filter(task=task).order_by("id").values_list("text", flat=True))


def pending(cast: Cast, **fields: Any) -> Task:
    return make_task(cast, requires_approval=True, **fields)


def test_a_person_who_may_decide_approves_and_the_log_says_so(cast: Cast):
    task = approve_task(workspace=cast.workspace, actor=cast.rosa, task_id=pending(cast).pk, reason="Fits the plan.")
    assert (task.approval, task.approved_by_id) == ("approved", cast.rosa.principal_id)
    assert messages(cast, task)[-1] == "Approved: Fits the plan."
    assert AuditEntry.objects.filter(action="task.approved", subject_id=task.pk).count() == 1


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
@pytest.mark.parametrize("decide", [approve_task, reject_task])
def test_nobody_else_decides_and_the_try_is_recorded(cast: Cast, who: str, decide: Any):
    task = pending(cast)
    with pytest.raises(NotPermitted):
        decide(workspace=cast.workspace, actor=getattr(cast, who), task_id=task.pk)
    with cast.scope():
        assert Task.objects.get(pk=task.pk).approval == "pending"
    assert AuditEntry.objects.filter(action="task.decision_refused", actor_id=getattr(cast, who).principal_id).exists()


def test_a_member_of_another_workspace_does_not_decide(cast: Cast, other: OtherCast):
    with pytest.raises(NotPermitted):
        approve_task(workspace=cast.workspace, actor=other.olga, task_id=pending(cast).pk)
    with pytest.raises(NotFound):
        approve_task(workspace=other.workspace, actor=other.olga, task_id=pending(cast).pk)


def test_approving_twice_changes_nothing_and_rejecting_then_is_refused(cast: Cast):
    task = pending(cast)
    first = approve_task(workspace=cast.workspace, actor=cast.rosa, task_id=task.pk)
    again = approve_task(workspace=cast.workspace, actor=cast.sam, task_id=task.pk)
    assert (again.approved_at, again.approved_by_id) == (first.approved_at, cast.rosa.principal_id)
    with pytest.raises(Conflict):
        reject_task(workspace=cast.workspace, actor=cast.sam, task_id=task.pk)


def test_a_rejected_task_is_cancelled(cast: Cast):
    task = reject_task(workspace=cast.workspace, actor=cast.rosa, task_id=pending(cast).pk, reason="Not now.")
    assert (task.status, task.approval, task.decision_reason) == ("cancelled", "rejected", "Not now.")


def test_a_task_that_needs_no_approval_cannot_be_approved(cast: Cast):
    with pytest.raises(Conflict):
        approve_task(workspace=cast.workspace, actor=cast.rosa, task_id=make_task(cast).pk)


@pytest.mark.parametrize(
    "change", [{"description": "Something else"}, {"metadata": {"goal": "Other", "query": "x"}}, {"title": "Other"}]
)
def test_a_change_of_what_is_asked_voids_the_approval(cast: Cast, change: dict[str, Any]):
    task = pending(cast)
    approve_task(workspace=cast.workspace, actor=cast.rosa, task_id=task.pk)
    assert update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, **change).approval == "pending"


@pytest.mark.parametrize("who", ["ada", "crm", "writer"])
def test_only_who_may_approve_takes_back_that_approval_is_needed(cast: Cast, who: str):
    task = pending(cast)
    with pytest.raises(NotPermitted):
        update_task(workspace=cast.workspace, actor=getattr(cast, who), task_id=task.pk, requires_approval=False)
    with cast.scope():
        assert Task.objects.get(pk=task.pk).requires_approval
    assert not update_task(
        workspace=cast.workspace, actor=cast.rosa, task_id=task.pk, requires_approval=False
    ).requires_approval


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"priority": "soon"}, "priority"),
        ({"priority": ["high"]}, "priority"),
        ({"requires_approval": "yes"}, "requires_approval"),
        ({"assigned_agent": "nobody"}, "assigned_agent"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"goal": "a\0b"}}, "metadata"),
        ({"metadata": {"at_most": 0}}, "metadata"),
        ({"campaign": "not-an-id"}, "campaign"),
        ({"status": "completed"}, "status"),
        ({"approved_by": "me"}, "approved_by"),
    ],
)
def test_it_names_the_field_that_does_not_fit(cast: Cast, fields: dict[str, Any], field: str):
    with pytest.raises(InvalidInput) as refused:
        make_task(cast, **fields)
    assert field in refused.value.fields
    with cast.scope():
        assert not Task.objects.exists()


@pytest.mark.parametrize("name", ["outreach", "Outreach", " OUTREACH ", "email"])
def test_an_agent_is_found_by_slug_name_or_handler(cast: Cast, name: str):
    assert make_task(cast, assigned_agent=name).assigned_agent == "outreach"


def test_a_task_may_say_in_words_alone_what_is_wanted(cast: Cast):
    task = create_task(workspace=cast.workspace, actor=cast.crm, title="Write to Bob", assigned_agent="outreach")
    assert task.approval == "pending"


def test_a_viewer_makes_no_task(cast: Cast):
    with pytest.raises(NotPermitted):
        make_task(cast, actor=cast.vic)


@pytest.mark.parametrize("status", list(TaskStatus))
@pytest.mark.parametrize("wanted", list(TaskStatus))
def test_by_hand_a_task_goes_only_where_the_table_lets_it(cast: Cast, status: TaskStatus, wanted: TaskStatus):
    task = make_task(cast)
    with cast.scope():
        Task.objects.filter(pk=task.pk).update(status=status)
    allowed = wanted == status or wanted in BY_HAND[status]
    if allowed:
        changed = update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, status=wanted.value)
        assert changed.status == wanted
    else:
        with pytest.raises(Conflict):
            update_task(workspace=cast.workspace, actor=cast.ada, task_id=task.pk, status=wanted.value)


def test_what_is_done_by_hand_is_a_move_of_the_table():
    assert all(BY_HAND[status] <= TASK_TRANSITIONS[status] for status in TaskStatus)
