"""Three limits under two clusters with far more due than any of them allows, judged by when the mail server took what.

A mark precedes its call, so mails may arrive closer together than they were marked: by as much as the slowest of them
took from its mark to the server, which is measured here and taken off each window. Where the marks keep a limit, no
window that is so much shorter can hold more than the limit. The marks themselves are judged to the microsecond.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from execution.models import Attempt, ExecutionRequest, LimitMark
from execution.services.limits import set_limit
from execution.states import Status
from tests.promises.test_accounts import account_of
from tests.promises.test_limits import most_in_a_window
from tests.support.engine import Engine, a_mail
from tests.support.processes import wait_until
from tests.support.servers import request_of
from workspaces.clock import database_now
from workspaces.scope import workspace_scope

pytestmark = [pytest.mark.race, pytest.mark.faults]

DUE, READERS = 5_000, 3_000
WINDOWS = 3  # of the workspace's limit, before it is judged
MOST_LATE = 15.0  # seconds: with a mark that much earlier than its mail, the mail server's times would say little


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A limit under test: `count` in any `seconds`."""

    count: int
    seconds: int


LIMITS = {
    "account_hour": Allowed(count=100, seconds=3_600),
    "contact_day": Allowed(count=1, seconds=86_400),
    "workspace_minute": Allowed(count=300, seconds=60),
}


def approved_under_limits(engine: Engine) -> list[UUID]:
    """Mails of which two in five go to somebody who gets another, and one in three through an account of its own."""
    account = account_of(engine, "Limited").pk
    scopes = {"account_hour": f"account:{account}", "contact_day": "contact", "workspace_minute": "workspace"}
    for name, limit in LIMITS.items():
        set_limit(
            workspace=engine.cast.workspace,
            actor=engine.cast.omar,
            name=name,
            scope=scopes[name],
            count=limit.count,
            period_seconds=limit.seconds,
        )
    return engine.approved(
        [
            a_mail(f"reader{place % READERS}@example.org", account=account if place % 3 == 0 else None)
            for place in range(DUE)
        ]
    )


def arrivals(engine: Engine) -> dict[UUID, datetime]:
    """When the mail server took what, by its log."""
    lines = engine.sink.log_lines()
    return {request_of(line["message_id"]): datetime.fromtimestamp(line["at"], tz=UTC) for line in lines}


def counted_under(engine: Engine) -> dict[tuple[str, str], list[datetime]]:
    """The marks of each limit and key."""
    marks: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    with workspace_scope(engine.cast.workspace):
        rows = LimitMark.objects.filter(counter__limit__name__in=LIMITS)
        for name, key, at in rows.values_list("counter__limit__name", "counter__key", "at"):
            marks[name, key].append(at)
    return marks


def taken_under(engine: Engine) -> dict[tuple[str, str], list[datetime]]:
    """The same for what arrived: by when the mail server took it."""
    came = arrivals(engine)
    taken: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    with workspace_scope(engine.cast.workspace):
        rows = ExecutionRequest.objects.filter(id__in=came).values_list("id", "account_id", "contact_id")
        for request_id, account_id, contact_id in rows:
            taken["workspace_minute", ""].append(came[request_id])
            taken["contact_day", str(contact_id)].append(came[request_id])
            if account_id:
                taken["account_hour", ""].append(came[request_id])
    return taken


def latest(engine: Engine) -> float:
    """The most seconds between a mark and the server's word."""
    came = arrivals(engine)
    with workspace_scope(engine.cast.workspace):
        marked = dict(Attempt.objects.values_list("request_id", "marked_at"))
    return max((came[request_id] - marked[request_id]).total_seconds() for request_id in came)


def waiting(engine: Engine) -> list[ExecutionRequest]:
    with workspace_scope(engine.cast.workspace):
        return list(ExecutionRequest.objects.filter(status__in=[Status.APPROVED, Status.DISPATCHING]))


def all_wait(engine: Engine) -> bool:
    """Whether nothing is under way and nothing is due that was not looked at."""
    now = database_now()
    return all(row.status == Status.APPROVED and row.due_at and row.due_at > now for row in waiting(engine))


def test_no_window_holds_more_than_it_may_and_what_waits_says_why(
    engine: Engine, record_property: Callable[[str, object], None]
) -> None:
    ids = approved_under_limits(engine)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(engine.cluster(workers=4))
        most = LIMITS["workspace_minute"]
        wait_until(
            lambda: engine.sink.counts.messages >= WINDOWS * most.count,
            seconds=(WINDOWS + 2) * most.seconds,
            what=f"{WINDOWS} windows",
        )
        wait_until(lambda: all_wait(engine), seconds=2 * most.seconds, what="a wait of all that is left")
        left, marks = waiting(engine), counted_under(engine)
    late = latest(engine)
    record_property("late", late)
    assert set(engine.sink.copies().values()) == {1}
    assert len(engine.sink.copies()) + len(left) == len(ids)
    assert late < MOST_LATE
    for (name, key), times in taken_under(engine).items():
        limit = LIMITS[name]
        assert most_in_a_window(times, seconds=limit.seconds - late) <= limit.count, (name, key)
    for (name, key), times in marks.items():
        limit = LIMITS[name]
        assert most_in_a_window(times, seconds=limit.seconds) <= limit.count, (name, key)
    freed = {
        (f"limit:{name}", at + timedelta(seconds=LIMITS[name].seconds))
        for (name, _), times in marks.items()
        for at in times
    }
    assert {(row.wait_reason, row.due_at) for row in left} <= freed
