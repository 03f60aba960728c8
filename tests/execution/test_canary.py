"""A large plan begins with a few of its requests; the rest waits for what becomes of them."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.services import suppress
from execution import propose, propose_plan
from execution.engine.preflight import preflight
from execution.engine.sweep import sweep
from execution.models import Alert, ExecutionPlan, ExecutionRequest, Hold, ProviderAccount, Verdict
from execution.services import decisions, lifecycle
from execution.services.canaries import follow_canaries, go_on
from execution.services.holds import release_hold, set_hold
from execution.services.limits import set_limit
from execution.states import Status
from execution.types import Proposal
from tests.builders import Cast, OtherCast
from tests.execution.arranged import PAYLOAD, alerts, drain_due
from tests.machine.recorder import Answer, Service
from tests.support.clock import StoppedClock
from workspaces.actors import system_actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry
from workspaces.settings_store import set_setting

HOUR = 3_600


@pytest.fixture(autouse=True)
def small(cast: Cast, account: ProviderAccount) -> None:
    """Plans of more than 10 begin with a fifth of them, and no limit is in the way."""
    put(cast, canary_above=10, canary_percent=20)
    period: dict[str, Any] = {"scope": "channel:email", "count": 1_000, "period_seconds": 60}
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", **period)


def put(cast: Cast, **settings: int) -> None:
    for key, value in settings.items():
        set_setting(key=key, value=value, workspace=cast.workspace, actor=cast.omar)


def plan_of(cast: Cast, count: int = 20, *, approved: bool = True, **more: Any) -> ExecutionPlan:
    """A plan of that many mails; `to` makes an address of a number."""
    to = more.pop("to", lambda n: f"person{n}@example.net")
    times = more.pop("times", lambda n: None)
    items = [
        Proposal(channel="email", to=to(n), payload={**PAYLOAD, "subject": f"Letter {n}"}, scheduled_for=times(n))
        for n in range(count)
    ]
    plan = propose_plan(workspace=cast.workspace, actor=cast.ada, title="Letters", items=items)
    if approved:
        with cast.scope():
            digest = decisions.plan_digest(plan=plan)
        decided = decisions.decide_plan(
            workspace=cast.workspace, actor=cast.rosa, plan_id=plan.id, verdict=Verdict.APPROVE, digest=digest
        )
        assert decided.decided == count
    return plan


def requests_of(cast: Cast, plan: ExecutionPlan, **where: Any) -> list[ExecutionRequest]:
    with cast.scope():
        return list(ExecutionRequest.objects.filter(plan=plan, **where).order_by("id"))


def waits(cast: Cast, plan: ExecutionPlan) -> Counter[str]:
    return Counter(r.wait_reason or r.status for r in requests_of(cast, plan))


def follow(cast: Cast) -> list[Hold]:
    with cast.scope():
        return follow_canaries(workspace=cast.workspace)


def continued(cast: Cast, plan: ExecutionPlan, **more: Any) -> ExecutionPlan:
    arguments: dict[str, Any] = {"actor": cast.rosa, "reason": "I called three of them.", **more}
    return go_on(workspace=cast.workspace, plan_id=plan.id, **arguments)


# Which go first.


@pytest.mark.parametrize(("count", "first"), [(10, 0), (11, 3), (20, 4), (40, 8)])
def test_a_plan_above_the_size_has_a_slice(cast: Cast, count: int, first: int) -> None:
    plan = plan_of(cast, count, approved=False)
    assert (plan.canary_size, len(requests_of(cast, plan, canary=True))) == (first, first)


def test_it_is_a_hundred_at_most(cast: Cast) -> None:
    put(cast, canary_percent=100)
    assert plan_of(cast, 120, approved=False).canary_size == 100


def test_nought_means_never(cast: Cast) -> None:
    put(cast, canary_above=0)
    assert plan_of(cast, 20, approved=False).canary_size == 0


def test_the_slice_has_its_share_of_every_domain(cast: Cast) -> None:
    plan = plan_of(cast, 40, approved=False, to=lambda n: f"p{n}@{'big.example' if n < 30 else 'small.example'}")
    domains = Counter(r.to.partition("@")[2] for r in requests_of(cast, plan, canary=True))
    assert domains == {"big.example": 6, "small.example": 2}


def test_it_is_of_those_that_are_due_first(cast: Cast) -> None:
    now = database_now()
    plan = plan_of(cast, 20, approved=False, times=lambda n: now + timedelta(days=20 - n))
    subjects = {r.summary for r in requests_of(cast, plan, canary=True)}
    assert subjects == {f"Email: Letter {n}" for n in range(16, 20)}


def test_who_must_not_be_written_to_is_not_in_it(cast: Cast) -> None:
    plan = plan_of(cast, 11, approved=False, to=lambda n: cast.charlie.email if n < 9 else f"p{n}@example.net")
    assert {r.status for r in requests_of(cast, plan, canary=True)} == {Status.PENDING}
    assert plan.canary_size == 2


def test_what_is_added_to_a_plan_belongs_to_the_rest(cast: Cast) -> None:
    plan = plan_of(cast, approved=False)
    added = propose(
        workspace=cast.workspace, actor=cast.ada, channel="email", to="x@example.net", payload=PAYLOAD, plan=plan
    )
    assert added.canary is False


# The rest waits.


def test_the_slice_goes_and_the_rest_waits_until_it_was_watched(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    assert (len(service.calls), waits(cast, plan)) == (4, {"succeeded": 4, "canary": 16})
    clock.advance(HOUR - 1)
    drain_due(cast)
    assert len(service.calls) == 4
    clock.advance(1)
    drain_due(cast)
    assert (len(service.calls), alerts(cast)) == (20, [])


def test_the_wait_is_until_the_end_of_the_watch_and_does_not_make_it_stale(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    put(cast, canary_minutes=3 * 24 * 60)
    plan = plan_of(cast)
    drain_due(cast)
    end = database_now() + timedelta(days=3)
    assert {(r.due_at, r.overdue_from) for r in requests_of(cast, plan, wait_reason="canary")} == {(end, end)}
    clock.advance(3 * 24 * HOUR)
    drain_due(cast)
    assert len(service.calls) == 20


def test_without_a_watch_the_rest_follows_at_once(cast: Cast, service: Service) -> None:
    put(cast, canary_minutes=0)
    plan_of(cast)
    drain_due(cast)
    drain_due(cast)  # the bell that the end of the slice rang
    assert len(service.calls) == 20


def test_it_waits_for_the_last_of_the_slice(cast: Cast, service: Service, clock: StoppedClock) -> None:
    answers = iter([Answer.BUSY])
    service.script.before = lambda call: next(answers, Answer.OK)
    plan = plan_of(cast)
    drain_due(cast)
    clock.advance(2 * HOUR)
    drain_due(cast)
    assert (len(service.calls), waits(cast, plan)) == (5, {"succeeded": 4, "canary": 16})


def test_what_is_uncertain_keeps_it_waiting_until_a_person_says(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    answers = iter([Answer.LOST_UNANSWERED])
    service.script.before = lambda call: next(answers, Answer.OK)
    plan = plan_of(cast)
    drain_due(cast)
    clock.advance(2 * HOUR)
    drain_due(cast)
    assert len(service.calls) == 4
    (unknown,) = requests_of(cast, plan, status=Status.UNCERTAIN)
    lifecycle.resolve(
        workspace=cast.workspace, actor=cast.rosa, request_id=unknown.pk, outcome="was_sent", reason="It is there."
    )
    follow(cast)
    clock.advance(HOUR)
    drain_due(cast)
    assert len(service.calls) == 19 + 1


def test_the_sweep_wakes_the_rest_at_the_end_of_the_watch(cast: Cast, service: Service, clock: StoppedClock) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    clock.advance(HOUR)
    sweep()
    assert {r.due_at for r in requests_of(cast, plan, wait_reason="canary")} == {database_now()}
    assert AuditEntry.objects.filter(action="plan.canary_passed", subject_id=plan.pk).count() == 1


def test_would_it_go_now_says_until_when(cast: Cast, service: Service, clock: StoppedClock) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    with cast.scope():
        rest = ExecutionRequest.objects.select_related("workspace").filter(plan=plan, wait_reason="canary")[0]
    told = preflight(request=rest, manual=True)
    assert (told.would_send, told.earliest) == (False, database_now() + timedelta(hours=1))
    assert [check.name for check in told.checks if not check.ok] == ["canary"]


def test_run_now_does_not_go_around_it(cast: Cast, service: Service) -> None:
    plan = plan_of(cast)
    rest = requests_of(cast, plan, canary=False)[0]
    with pytest.raises(Conflict, match="4 of its plan go first"):
        lifecycle.run_now(workspace=cast.workspace, actor=cast.rosa, request_id=rest.pk)


def test_a_rehearsal_has_none(cast: Cast, service: Service) -> None:
    set_setting(key="mode", value="dry_run", workspace=cast.workspace, actor=cast.omar)
    plan = plan_of(cast)
    drain_due(cast)
    assert waits(cast, plan) == {"succeeded": 20}
    assert (follow(cast), alerts(cast)) == ([], [])


def test_a_small_plan_costs_no_further_query(cast: Cast, service: Service) -> None:
    put(cast, canary_above=0)
    plan_of(cast)
    with CaptureQueriesContext(connection) as asked:
        drain_due(cast)
    assert len(service.calls) == 20
    where = [str(query["sql"]).partition(" WHERE ")[2] for query in asked]
    assert not [condition for condition in where if "canary" in condition]


# What goes wrong.


def test_too_many_failures_hold_the_plan_and_say_so(cast: Cast, service: Service, clock: StoppedClock) -> None:
    answers = iter([Answer.NEVER])
    service.script.before = lambda call: next(answers, Answer.OK)
    plan = plan_of(cast)
    drain_due(cast)
    with cast.scope():
        hold, alert = Hold.objects.get(), Alert.objects.get(kind="canary_stopped")
    assert hold.address == f"plan:{plan.pk}"
    assert hold.reason == "1 of the 4 that went first failed or bounced; at most 5 % may."
    assert (alert.severity, alert.title) == ("critical", "Stopped after its first requests: Letters")
    clock.advance(2 * HOUR)
    drain_due(cast)
    assert len(service.calls) == 4


def test_below_the_mark_it_goes_on(cast: Cast, service: Service, clock: StoppedClock) -> None:
    put(cast, canary_failures_percent=25)
    answers = iter([Answer.NEVER])
    service.script.before = lambda call: next(answers, Answer.OK)
    plan_of(cast)
    drain_due(cast)
    clock.advance(HOUR)
    drain_due(cast)
    assert (len(service.calls), "canary_stopped" in alerts(cast)) == (20, False)


@pytest.mark.parametrize(
    ("reason", "words"),
    [("complaint", "1 of the 4 that went first complained."), ("bounce", "1 of the 4 that went first failed or")],
)
def test_a_complaint_or_a_bounce_during_the_watch_stops_it(
    cast: Cast, service: Service, clock: StoppedClock, reason: str, words: str
) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    address = requests_of(cast, plan, canary=True)[0].to
    suppress(
        workspace=cast.workspace, actor=cast.crm, kind="email", address=address, reason=reason, source="the provider"
    )
    (held,) = follow(cast)
    assert held.reason.startswith(words)
    clock.advance(HOUR)
    drain_due(cast)
    assert len(service.calls) == 4


def test_the_guard_sees_a_complaint_before_anybody_followed_it(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    address = requests_of(cast, plan, canary=True)[0].to
    suppress(workspace=cast.workspace, actor=cast.ada, kind="email", address=address, reason="complaint", source="x")
    clock.advance(HOUR)
    drain_due(cast)
    assert len(service.calls) == 4


def test_an_opt_out_is_no_complaint(cast: Cast, service: Service, clock: StoppedClock) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    address = requests_of(cast, plan, canary=True)[0].to
    suppress(workspace=cast.workspace, actor=cast.ada, kind="email", address=address, reason="opt_out", source="link")
    clock.advance(HOUR)
    drain_due(cast)
    assert len(service.calls) == 20


def test_only_a_person_releases_it_and_then_the_rest_goes(cast: Cast, service: Service) -> None:
    answers = iter([Answer.NEVER])
    service.script.before = lambda call: next(answers, Answer.OK)
    plan = plan_of(cast)
    drain_due(cast)
    scope: dict[str, Any] = {"scope": f"plan:{plan.pk}", "reason": "A typing error.", "workspace": cast.workspace}
    with pytest.raises(NotPermitted):
        release_hold(**scope, actor=system_actor("executor"))
    release_hold(**scope, actor=cast.rosa)
    drain_due(cast)
    assert len(service.calls) == 20


def test_releasing_a_persons_own_hold_does_not_end_the_watch(cast: Cast, service: Service) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    scope: dict[str, Any] = {"scope": f"plan:{plan.pk}", "reason": "Hm.", "workspace": cast.workspace}
    set_hold(**scope, actor=cast.ada)
    release_hold(**scope, actor=cast.rosa)
    drain_due(cast)
    assert len(service.calls) == 4


def test_a_slice_of_which_nothing_was_carried_out_tells_nothing(
    cast: Cast, service: Service, clock: StoppedClock
) -> None:
    plan = plan_of(cast)
    for request in requests_of(cast, plan, canary=True):
        lifecycle.cancel(workspace=cast.workspace, actor=cast.rosa, request_id=request.pk)
    (held,) = follow(cast)
    assert held.reason.startswith("None of the 4 that were to go first was carried out")
    clock.advance(2 * HOUR)
    drain_due(cast)
    assert service.calls == []


def test_a_plan_that_was_turned_down_is_nobodys_alarm(cast: Cast) -> None:
    plan = plan_of(cast, approved=False)
    for request in requests_of(cast, plan, canary=True):
        decisions.reject(workspace=cast.workspace, actor=cast.rosa, request_id=request.pk, reason="No.")
    assert follow(cast) == []
    for request in requests_of(cast, plan, canary=False):
        decisions.reject(workspace=cast.workspace, actor=cast.rosa, request_id=request.pk, reason="No.")
    assert (follow(cast), alerts(cast)) == ([], [])


# “Go on now”.


def test_a_person_lets_the_rest_go_with_a_reason(cast: Cast, service: Service) -> None:
    plan = plan_of(cast)
    drain_due(cast)
    continued(cast, plan)
    drain_due(cast)
    assert len(service.calls) == 20
    entry = AuditEntry.objects.get(action="plan.continued")
    assert (entry.actor_id, entry.subject_id) == (cast.rosa.principal_id, plan.pk)


def test_it_takes_a_reason(cast: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        continued(cast, plan_of(cast, approved=False), reason=" ")
    assert set(refused.value.fields) == {"reason"}


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
def test_it_refuses_whoever_may_not_release(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        continued(cast, plan_of(cast, approved=False), actor=getattr(cast, who))


def test_it_refuses_a_plan_without_a_slice_or_that_was_let_go(cast: Cast) -> None:
    with pytest.raises(Conflict):
        continued(cast, plan_of(cast, 3, approved=False))
    plan = plan_of(cast, approved=False)
    continued(cast, plan)
    with pytest.raises(Conflict):
        continued(cast, plan)


def test_it_refuses_what_the_machine_holds(cast: Cast, service: Service) -> None:
    service.script.before = lambda call: Answer.NEVER
    plan = plan_of(cast)
    drain_due(cast)
    with pytest.raises(Conflict, match=f"Release the hold plan:{plan.pk}"):
        continued(cast, plan)


def test_it_refuses_another_workspaces_plan(cast: Cast, other: OtherCast) -> None:
    plan = plan_of(cast, approved=False)
    with pytest.raises(NotFound):
        go_on(workspace=other.workspace, actor=other.otto, plan_id=plan.pk, reason="Mine.")
