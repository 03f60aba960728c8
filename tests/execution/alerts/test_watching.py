"""What nobody raises: silence where work is due, and an audit log that does not stand as it was written."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from execution.alerts.duty import attend_if_nobody_does
from execution.alerts.resolving import resolve_over
from execution.alerts.watching import watch_audit, watch_silence
from execution.engine import heartbeat
from execution.models import Alert, ExecutionRequest
from execution.services.holds import set_hold
from tests.builders import Cast, make_cast
from tests.execution.arranged import alerts, approved_email, put
from tests.support.clock import StoppedClock
from tests.workspaces.ledger import superuser, write
from workspaces.audit.sealer import seal_once
from workspaces.clock import database_now
from workspaces.settings_store import set_setting


@pytest.fixture(autouse=True)
def own_checkpoint(settings: Any, tmp_path: Path) -> None:
    """Not that of other tests' databases."""
    settings.AUDIT_CHECKPOINT = tmp_path / "audit-checkpoint.jsonl"


@pytest.fixture
def overdue(cast: Cast, settings: Any) -> ExecutionRequest:
    """A mail that has been due for three minutes, on an installation where work goes by itself."""
    settings.ENABLE_AUTO_EXECUTION = True
    request = approved_email(cast)
    put(cast, request, due_at=database_now() - timedelta(minutes=3), wait_reason="")
    return request


def test_silence_where_work_is_due_is_told_once(cast: Cast, overdue: ExecutionRequest) -> None:
    assert [watch_silence() for _ in range(3)] == [1, 0, 0]
    assert alerts(cast) == ["cluster_silent"]


def test_it_ends_once_the_work_is_taken_up(cast: Cast, overdue: ExecutionRequest) -> None:
    watch_silence()
    assert resolve_over() == 0
    put(cast, overdue, due_at=database_now() + timedelta(minutes=1))
    assert resolve_over() == 1


@pytest.mark.parametrize("why", ["just_due", "off", "disabled", "held", "paused"])
def test_what_may_wait_is_no_silence(cast: Cast, overdue: ExecutionRequest, settings: Any, why: str) -> None:
    match why:
        case "just_due":
            put(cast, overdue, due_at=database_now() - timedelta(minutes=1))
        case "off":
            settings.ENABLE_AUTO_EXECUTION = False
        case "disabled":
            set_setting(key="execution_enabled", value=False, workspace=cast.workspace, actor=cast.omar)
        case "held":
            set_hold(scope="workspace", reason="x", actor=cast.omar, workspace=cast.workspace)
        case "paused":
            set_setting(key="global_pause", value=True, workspace=cast.workspace, actor=cast.omar)
    assert watch_silence() == 0


def test_the_web_stands_in_only_where_no_keeper_beats(
    cast: Cast, overdue: ExecutionRequest, clock: StoppedClock
) -> None:
    heartbeat.beating(role="keeper")()
    assert not attend_if_nobody_does()
    assert alerts(cast) == []
    clock.advance(31)
    assert attend_if_nobody_does()
    assert alerts(cast) == ["cluster_silent"]


def test_a_log_that_stands_raises_nothing(live_db: str) -> None:
    cast = make_cast()
    write(cast.workspace, 1, 2, 3)
    write(None, 4)
    seal_once()
    assert watch_audit() == 0
    assert alerts(cast) == []


def test_an_altered_entry_of_a_new_block_is_told_until_the_log_verifies_again(live_db: str) -> None:
    cast = make_cast()
    (entry,) = write(cast.workspace, 1)
    seal_once()
    with superuser() as cursor:
        cursor.execute("UPDATE workspaces_auditentry SET data = '{\"n\": 2}' WHERE id = %s", [entry])
    assert watch_audit() == 1
    assert watch_audit() == 1
    with cast.scope():
        alert = Alert.objects.get()
    assert (alert.kind, alert.count, str(entry) in alert.detail) == ("audit_broken", 1, True)
    with superuser() as cursor:
        cursor.execute("UPDATE workspaces_auditentry SET data = '{\"n\": 1}' WHERE id = %s", [entry])
    assert watch_audit() == 0
    with cast.scope():
        alert.refresh_from_db()
    assert alert.resolution == "The log verifies again."


@pytest.mark.parametrize("what", ["deleted block", "deleted entry", "cut tail"])
def test_it_sees_what_is_missing_among_the_newest_blocks(live_db: str, what: str) -> None:
    cast = make_cast()
    for number in range(6):
        write(cast.workspace, number)
        seal_once()
    statement = {
        "deleted block": "DELETE FROM workspaces_auditblock WHERE chain = %s AND number = 5",
        "deleted entry": "DELETE FROM workspaces_auditentry WHERE id::text = (SELECT entry_ids->>0 FROM"
        " workspaces_auditblock WHERE chain = %s AND number = 5)",
        "cut tail": "DELETE FROM workspaces_auditblock WHERE chain = %s AND number >= 6",
    }[what]
    with superuser() as cursor:
        cursor.execute(statement, [str(cast.workspace.pk)])
    assert watch_audit() == 1
