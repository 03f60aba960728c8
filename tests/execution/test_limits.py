"""Limits: no sliding window ever holds more than it may, and what waits says until when."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.engine.limits import Counted, Full, keys_of, peek, take, take_poll
from execution.models import Limit, LimitCounter, LimitMark
from execution.services.limits import DEFAULTS, delete_limit, set_limit
from tests.builders import Cast, make_workspace
from tests.support.clock import StoppedClock
from workspaces.clock import database_now
from workspaces.errors import InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry, Workspace
from workspaces.scope import workspace_scope


def act(*addresses: str, **more: Any) -> Counted:
    """One act of email to these addresses."""
    arguments: dict[str, Any] = {
        "request_id": uuid4(),
        "channel": "email",
        "account_id": None,
        "contact_id": None,
        "addresses": addresses or ("a@example.org",),
        "plan_bulk": None,
        **more,
    }
    return Counted(**arguments)


def limit_of(workspace: Workspace, scope: str = "workspace", *, count: int = 1, seconds: int = 60) -> Limit:
    """The only limit of a workspace, unsaved ones aside."""
    with workspace_scope(workspace):
        Limit.objects.filter(workspace=workspace).delete()
        return Limit.objects.create(workspace=workspace, name="mine", scope=scope, count=count, period_seconds=seconds)


def taken(limit: Limit, *acts: Counted) -> list[bool]:
    """Take places for acts in one mark; whether each got its."""
    with workspace_scope(limit.workspace), transaction.atomic():
        full = take(limits=[limit], acts=acts)
    return [one.request_id not in full for one in acts]


def refusal(limit: Limit, one: Counted) -> Full:
    with workspace_scope(limit.workspace), transaction.atomic():
        return take(limits=[limit], acts=[one])[one.request_id]


# The window.


def test_a_window_has_as_many_places_as_its_limit_says(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, count=2)
    assert [taken(limit, act()) for _ in range(3)] == [[True], [True], [False]]


def test_it_says_when_there_is_a_place_again(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, count=2)
    taken(limit, act())
    clock.advance(20)
    taken(limit, act())
    full = refusal(limit, act())
    assert (full.limit, full.until, full.never) == ("mine", database_now() + timedelta(seconds=40), False)
    clock.advance(39.999)
    assert taken(limit, act()) == [False]
    clock.advance(0.001)
    assert taken(limit, act(), act()) == [True, False]


def test_everyone_who_is_reached_takes_a_place(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, count=3)
    assert taken(limit, act("a@example.org", "b@example.org")) == [True]
    assert taken(limit, act("c@example.org", "d@example.org")) == [False]
    assert taken(limit, act("c@example.org")) == [True]


def test_an_act_too_large_for_the_window_never_fits(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, count=1)
    full = refusal(limit, act("a@example.org", "b@example.org"))
    assert full.never
    assert "counts for 2" in full.detail


def test_a_limit_of_none_lets_nothing_through(cast: Cast, clock: StoppedClock) -> None:
    assert refusal(limit_of(cast.workspace, count=0), act()).never


def test_an_act_that_finds_one_window_full_takes_no_place_in_another(cast: Cast, clock: StoppedClock) -> None:
    with cast.scope():
        Limit.objects.all().delete()
        wide = Limit.objects.create(
            workspace=cast.workspace, name="wide", scope="workspace", count=9, period_seconds=60
        )
        narrow = Limit.objects.create(
            workspace=cast.workspace, name="narrow", scope="channel:email", count=1, period_seconds=60
        )
        with transaction.atomic():
            full = take(limits=[wide, narrow], acts=[act(), act()])
        assert {f.limit for f in full.values()} == {"narrow"}
        assert LimitMark.objects.filter(counter__limit=wide).count() == 1


def test_of_several_full_windows_the_last_to_open_is_told(cast: Cast, clock: StoppedClock) -> None:
    with cast.scope():
        Limit.objects.all().delete()
        limits = [
            Limit.objects.create(
                workspace=cast.workspace, name=f"s{seconds}", scope="workspace", count=1, period_seconds=seconds
            )
            for seconds in (60, 600)
        ]
        limits.sort(key=lambda limit: limit.id)
        one, two = act(), act()
        with transaction.atomic():
            full = take(limits=limits, acts=[one, two])
    assert full[two.request_id].limit == "s600"


def test_looking_takes_no_place(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace)
    with cast.scope():
        for _ in range(3):
            assert peek(limits=[limit], act=act(), now=database_now()) is None
    assert taken(limit, act()) == [True]
    with cast.scope():
        found = peek(limits=[limit], act=act(), now=database_now())
    assert found is not None
    assert found.until == database_now() + timedelta(seconds=60)


def test_a_limit_that_was_lowered_counts_what_went_before(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, count=5)
    taken(limit, act(), act(), act())
    set_limit(workspace=cast.workspace, actor=cast.omar, name="mine", count=2)
    with cast.scope():
        limit.refresh_from_db()
    assert taken(limit, act()) == [False]
    clock.advance(60)
    assert taken(limit, act(), act(), act()) == [True, True, False]


STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.001, 1.0, 7.0, 10.0, 59.999]), st.lists(st.integers(1, 3), max_size=4)),
    max_size=14,
)


@pytest.fixture
def window(db: None) -> Workspace:
    """A workspace for many runs of a property, each under a limit of its own."""
    return make_workspace("windows")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(count=st.integers(0, 6), seconds=st.sampled_from([1, 10, 60]), steps=STEPS)
def test_no_window_holds_more_than_it_may_and_none_is_left_emptier_than_it_must(
    window: Workspace, clock: StoppedClock, count: int, seconds: int, steps: list[tuple[float, list[int]]]
) -> None:
    limit = limit_of(window, count=count, seconds=seconds)
    places: list[datetime] = []  # all that were taken, kept by hand
    for pause, marks in steps:
        clock.advance(pause)
        now = database_now()
        acts = [act(*(f"{n}@example.org" for n in range(units))) for units in marks]
        for one, got in zip(acts, taken(limit, *acts), strict=True):
            units = len(one.addresses)
            inside = [place for place in places if place > now - timedelta(seconds=seconds)]
            assert got is (len(inside) + units <= count)
            if got:
                places += [now] * units
    for place in places:
        inside = [other for other in places if place <= other < place + timedelta(seconds=seconds)]
        assert len(inside) <= count


# What is counted under which key.


@pytest.mark.parametrize(
    ("scope", "one", "keys"),
    [
        ("workspace", act("a@example.org", "b@example.org"), {"": 2}),
        ("workspace", act(channel="seo", addresses=()), {"": 1}),
        ("channel:email", act(), {"": 1}),
        ("channel:sms", act(), {}),
        ("contact", act("a@example.org", "b@example.org", contact_id=UUID(int=7)), {str(UUID(int=7)): 1}),
        ("contact", act(), {}),
        ("account:" + str(UUID(int=9)), act(account_id=UUID(int=9)), {"": 1}),
        ("account:" + str(UUID(int=9)), act(account_id=UUID(int=8)), {}),
        ("account:" + str(UUID(int=9)), act(), {}),
        ("domain", act("a@X.example", "b@x.example", "c@y.example"), {"x.example": 2, "y.example": 1}),
        ("domain", act("+12025550101", channel="sms"), {}),
        ("seo_bulk", act(channel="seo", addresses=(), plan_bulk=UUID(int=1)), {"": 1}),
        ("seo_bulk", act(channel="seo", addresses=()), {}),
        ("seo_bulk", act(plan_bulk=UUID(int=1)), {}),
        ("tasks", act(), {}),
        ("weather", act(), {}),
    ],
)
def test_what_an_act_counts_for(scope: str, one: Counted, keys: dict[str, int]) -> None:
    assert keys_of(limit=Limit(name="x", scope=scope, count=1, period_seconds=1), act=one) == keys


def test_each_domain_has_a_window_of_its_own(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, "domain")
    assert taken(limit, act("a@x.example"), act("b@X.example"), act("c@y.example")) == [True, False, True]


def test_each_contact_has_a_window_of_its_own(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, "contact")
    alice, bob = cast.alice.id, cast.bob.id
    assert taken(limit, act(contact_id=alice), act(contact_id=bob), act(contact_id=alice)) == [True, True, False]


def test_a_bulk_plan_counts_once_however_many_pages_it_changes(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace, "seo_bulk", count=2, seconds=86_400)
    first, second, third = (uuid4() for _ in range(3))

    def page(plan: UUID) -> Counted:
        return act(channel="seo", addresses=(), plan_bulk=plan)

    assert taken(limit, *(page(first) for _ in range(6))) == [True] * 6
    assert taken(limit, page(second), page(first), page(third), page(second)) == [True, True, False, True]
    clock.advance(86_400)
    assert taken(limit, page(third)) == [True]


# Polls.


def test_polls_are_counted(cast: Cast, clock: StoppedClock) -> None:
    limit_of(cast.workspace, "tasks", count=2)
    assert [take_poll(workspace=cast.workspace) is None for _ in range(3)] == [True, True, False]
    clock.advance(60)
    assert take_poll(workspace=cast.workspace) is None


def test_without_such_a_limit_there_is_always_room(cast: Cast) -> None:
    limit_of(cast.workspace)
    assert all(take_poll(workspace=cast.workspace) is None for _ in range(5))


# Setting them.


def test_a_new_workspace_has_the_limits_it_is_promised(cast: Cast) -> None:
    with cast.scope():
        found = {limit.name: (limit.scope, limit.count, limit.period_seconds) for limit in Limit.objects.all()}
    assert found == DEFAULTS
    assert {name: (count, seconds) for name, (_, count, seconds) in DEFAULTS.items()} == {
        "task_executor": (720, 86_400),
        "email_send": (50, 86_400),
        "social_publish": (20, 86_400),
        "newsletter_send": (1, 86_400),
        "seo_bulk_apply": (5, 86_400),
    }


def test_a_change_is_on_record(cast: Cast) -> None:
    set_limit(workspace=cast.workspace, actor=cast.omar, name="email_send", count=100)
    entry = AuditEntry.objects.get(action="limit.changed")
    assert entry.data == {"limit": "email_send", "was": "50 in 86400 s", "now": "100 in 86400 s"}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": "", "scope": "workspace", "period_seconds": 1}, {"name"}),
        ({"name": "a b", "scope": "workspace", "period_seconds": 1}, {"name"}),
        ({"count": -1}, {"count"}),
        ({"count": True}, {"count"}),
        ({"count": "many"}, {"count"}),
        ({"period_seconds": 0}, {"period_seconds"}),
        ({"scope": "weather"}, {"scope"}),
        ({"scope": "channel:fax"}, {"scope"}),
        ({"scope": "account:"}, {"scope"}),
        ({"scope": f"account:{uuid4()}"}, {"scope"}),
        ({"scope": "account:nonsense"}, {"scope"}),
        ({"name": "new"}, {"scope", "period_seconds"}),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, changes: dict[str, Any], fields: set[str]) -> None:
    arguments: dict[str, Any] = {"name": "email_send", "count": 5, **changes}
    with pytest.raises(InvalidInput) as refused:
        set_limit(workspace=cast.workspace, actor=cast.omar, **arguments)
    assert set(refused.value.fields) == fields


@pytest.mark.parametrize("name", ["rosa", "ada", "vic", "crm", "writer"])
def test_who_may_not_set_limits(cast: Cast, name: str) -> None:
    with pytest.raises(NotPermitted):
        set_limit(workspace=cast.workspace, actor=getattr(cast, name), name="email_send", count=5)
    with pytest.raises(NotPermitted):
        delete_limit(workspace=cast.workspace, actor=getattr(cast, name), name="email_send")


def test_a_limit_that_is_deleted_counts_no_more(cast: Cast, clock: StoppedClock) -> None:
    limit = limit_of(cast.workspace)
    taken(limit, act())
    delete_limit(workspace=cast.workspace, actor=cast.omar, name="mine")
    with cast.scope():
        assert not Limit.objects.exists()
        assert not LimitCounter.objects.exists()
    with pytest.raises(NotFound):
        delete_limit(workspace=cast.workspace, actor=cast.omar, name="mine")
