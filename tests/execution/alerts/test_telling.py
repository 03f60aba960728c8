"""When people are told of an alert, and who: at once, again with the count, up the ladder, until one answers."""

import ast
from pathlib import Path

import pytest
from django.conf import settings as settings_module

from execution.alerts.kinds import Kind, kind_named, kinds, register
from execution.alerts.telling import tell_due
from execution.models import AlertRoute, EscalationStep, Notification, Severity
from execution.services.alerts import acknowledge
from execution.services.notifications import mark_all_read, mark_read, unread_count
from tests.builders import Cast, OtherCast
from tests.execution.alerts.raising import deliveries, now, raised, unread
from tests.support.clock import StoppedClock
from workspaces.errors import NotFound
from workspaces.settings_store import set_setting

pytestmark = pytest.mark.django_db
MINUTE = 60


@pytest.fixture(autouse=True)
def mailed(settings: pytest.FixtureRequest, clock: StoppedClock) -> None:
    """Warnings and worse go to ALERT_EMAIL, by a clock that stands still."""
    settings.ALERT_EMAIL = "ops@example.org"  # type: ignore[attr-defined]


def test_everybody_who_can_answer_is_notified_and_a_viewer_is_not(cast: Cast) -> None:
    raised(cast)
    assert tell_due() == 1
    found = {name: unread(cast, getattr(cast, name)) for name in ("omar", "rosa", "ada", "vic")}
    assert found == {"omar": ["Look here"], "rosa": ["Look here"], "ada": ["Look here"], "vic": []}


def test_one_delivery_is_made_for_each_way_out(cast: Cast) -> None:
    with cast.scope():
        route = AlertRoute.objects.create(workspace=cast.workspace, name="Chat", severity=Severity.WARNING, secret="x")
    raised(cast)
    tell_due()
    assert {(d.target, d.count) for d in deliveries(cast)} == {("mail", 1), (f"route:{route.pk}", 1)}


def test_nothing_is_told_twice_without_news(cast: Cast, clock: StoppedClock) -> None:
    raised(cast, kind="approval_void")
    tell_due()
    clock.advance(60 * MINUTE)
    assert tell_due() == 0
    assert len(deliveries(cast)) == 1


def test_the_same_thing_is_told_again_after_a_quarter_of_an_hour_with_its_count(
    cast: Cast, clock: StoppedClock
) -> None:
    alert = raised(cast, kind="approval_void")
    tell_due()
    for _ in range(5):
        clock.advance(MINUTE)
        raised(cast, kind="approval_void")
        assert tell_due() == 0
    clock.advance(10 * MINUTE)
    assert tell_due() == 1
    assert [(d.round, d.count) for d in deliveries(cast)] == [(1, 1), (2, 6)]
    assert now(cast, alert).count == 6


def test_an_alert_that_comes_back_after_an_answer_is_quiet_as_long(cast: Cast, clock: StoppedClock) -> None:
    first = raised(cast, kind="approval_void")
    tell_due()
    acknowledge(workspace=cast.workspace, actor=cast.rosa, alert_id=first.pk)
    clock.advance(MINUTE)
    raised(cast, kind="approval_void")
    assert tell_due() == 0
    clock.advance(14 * MINUTE)
    assert tell_due() == 1


def test_what_is_critical_climbs_the_ladder_until_somebody_answers(cast: Cast, clock: StoppedClock) -> None:
    alert = raised(cast)
    told = []
    for _ in range(45):
        told.append(tell_due())
        clock.advance(MINUTE)
    assert [minute for minute, number in enumerate(told) if number] == [0, 10, 30]
    assert now(cast, alert).tell_at is None


def test_an_answer_stops_the_ladder(cast: Cast, clock: StoppedClock) -> None:
    alert = raised(cast)
    tell_due()
    acknowledge(workspace=cast.workspace, actor=cast.rosa, alert_id=alert.pk)
    clock.advance(60 * MINUTE)
    assert tell_due() == 0


def test_the_second_step_goes_to_the_person_escalations_go_to(cast: Cast, clock: StoppedClock) -> None:
    set_setting(key="escalation_person", value="sam", workspace=cast.workspace, actor=cast.omar)
    raised(cast)
    tell_due()
    mark_all_read(workspace=cast.workspace, actor=cast.sam)
    mark_all_read(workspace=cast.workspace, actor=cast.ada)
    clock.advance(10 * MINUTE)
    tell_due()
    assert {d.target for d in deliveries(cast) if d.round == 2} == {"mail", f"person:{cast.sam.principal_id}"}
    assert (unread(cast, cast.sam), unread(cast, cast.ada)) == (["Look here"], [])


def test_a_ladder_of_its_own_replaces_the_default(cast: Cast, clock: StoppedClock) -> None:
    with cast.scope():
        route = AlertRoute.objects.create(workspace=cast.workspace, name="Chat", severity=Severity.CRITICAL, secret="x")
        steps = [{"after_minutes": 0, "route": route}, {"after_minutes": 5, "person_id": cast.sam.principal_id}]
        for step in steps:
            EscalationStep.objects.create(workspace=cast.workspace, severity=Severity.WARNING, **step)
    raised(cast, kind="approval_void")
    tell_due()
    clock.advance(5 * MINUTE)
    tell_due()
    targets = [(d.round, d.target) for d in deliveries(cast)]
    assert targets == [(1, f"route:{route.pk}"), (2, f"person:{cast.sam.principal_id}")]


def test_news_stays_in_the_console(cast: Cast) -> None:
    raised(cast, kind="hold_released")
    tell_due()
    assert deliveries(cast) == []
    assert unread(cast, cast.rosa) == ["Look here"]


def test_reading_is_each_members_own(cast: Cast, other: OtherCast) -> None:
    raised(cast)
    tell_due()
    with cast.scope():
        mine = Notification.objects.get(member_id=cast.rosa.principal_id)
    assert mark_read(workspace=cast.workspace, actor=cast.rosa, notification_id=mine.pk).read_at is not None
    with cast.scope():
        assert unread_count(workspace=cast.workspace, actor=cast.rosa) == 0
        assert unread_count(workspace=cast.workspace, actor=cast.sam) == 1
    for workspace, actor in ((cast.workspace, cast.sam), (other.workspace, other.otto)):
        with pytest.raises(NotFound):
            mark_read(workspace=workspace, actor=actor, notification_id=mine.pk)


def test_an_answer_reads_it_for_whoever_answered(cast: Cast) -> None:
    alert = raised(cast)
    tell_due()
    acknowledge(workspace=cast.workspace, actor=cast.rosa, alert_id=alert.pk)
    assert (unread(cast, cast.rosa), unread(cast, cast.sam)) == ([], ["Look here"])


def test_what_happens_again_is_unread_again(cast: Cast, clock: StoppedClock) -> None:
    raised(cast)
    tell_due()
    mark_all_read(workspace=cast.workspace, actor=cast.rosa)
    raised(cast)
    clock.advance(15 * MINUTE)
    tell_due()
    assert unread(cast, cast.rosa) == ["Look here"]


def test_the_severity_is_the_kinds_own_unless_said(cast: Cast) -> None:
    assert raised(cast, fingerprint="a").severity == "critical"
    assert raised(cast, fingerprint="b", severity="info").severity == "info"


def test_a_kind_has_one_meaning() -> None:
    known = kind_named("uncertain")
    assert known is not None
    with pytest.raises(ValueError, match="two kinds"):
        register([Kind(name="uncertain", severity=known.severity, meaning="Another.", ends="Never.")])


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_every_kind_says_what_it_means_and_how_it_ends(kind: Kind) -> None:
    assert kind.meaning.endswith(".")
    assert kind.ends.endswith(".")
    assert not (kind.over and kind.lasts)


def kinds_in_the_code() -> set[str]:
    """Every kind that a call of raise_alert names."""
    found = set()
    for app in ("workspaces", "contacts", "execution", "campaigns", "config"):
        for path in (Path(settings_module.BASE_DIR) / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "raise_alert":
                    named = [word.value for word in node.keywords if word.arg == "kind"]
                    found |= {str(value.value) for value in named if isinstance(value, ast.Constant)}
    return found


def test_every_kind_that_the_code_raises_is_registered() -> None:
    raised_kinds = kinds_in_the_code()
    assert {"uncertain", "task_failed", "cluster_silent"} <= raised_kinds
    assert [kind for kind in sorted(raised_kinds) if kind_named(kind) is None] == []


def test_a_severity_that_nobody_knows_keeps_no_other_alert_waiting(cast: Cast) -> None:
    raised(cast, fingerprint="a", severity="grave")
    raised(cast, fingerprint="b")
    assert tell_due() == 2
