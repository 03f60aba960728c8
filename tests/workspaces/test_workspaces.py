"""Making and changing a workspace, and the lock between guards and changes."""

import threading

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from tests.builders import make_cast, make_workspace
from workspaces.actors import system_actor
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.guard_lock import guard_change, share_guards
from workspaces.models import AuditEntry, Workspace
from workspaces.services import create_workspace, update_workspace
from workspaces.signals import workspace_created


def create(**changes):
    fields = {"slug": "new", "name": "New", "actor": system_actor("shell", via="cli")}
    return create_workspace(**{**fields, **changes})


@pytest.mark.django_db
def test_a_new_workspace_rehearses_until_somebody_says_otherwise():
    workspace = create()
    assert (workspace.mode, workspace.time_zone, workspace.retention_days) == ("dry_run", "UTC", 730)
    assert AuditEntry.objects.filter(action="workspace.created", workspace=workspace).count() == 1


def test_an_operator_makes_one_and_nobody_else(cast):
    create(actor=cast.omar)
    with pytest.raises(NotPermitted):
        create(slug="newer", actor=cast.rosa)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "Two Words"),
        ("slug", "-x"),
        ("slug", "x" * 41),
        ("name", ""),
        ("time_zone", "Mars/Base"),
        ("mode", "wild"),
    ],
)
def test_it_names_the_field_that_is_wrong(field, value):
    with pytest.raises(InvalidInput) as refusal:
        create(**{field: value})
    assert set(refusal.value.fields) == {field}


@pytest.mark.django_db
def test_a_slug_is_taken_once():
    create()
    with pytest.raises(InvalidInput) as refusal:
        create()
    assert set(refusal.value.fields) == {"slug"}


@pytest.mark.django_db
def test_where_its_defaults_cannot_be_made_there_is_no_workspace():
    def fail(**kwargs):
        raise ZeroDivisionError

    workspace_created.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError):
            create()
    finally:
        workspace_created.disconnect(fail)
    assert not Workspace.objects.filter(slug="new").exists()


def test_who_manages_it_changes_it(cast):
    update_workspace(workspace=cast.workspace, actor=cast.omar, name="Demonstration", retention_days=100)
    entry = AuditEntry.objects.filter(action="workspace.changed").get()
    assert entry.data == {"fields": "name, retention_days"}
    assert Workspace.objects.get(pk=cast.workspace.pk).name == "Demonstration"


@pytest.mark.parametrize(
    "changes", [{"slug": "x"}, {"mode": "live"}, {"retention_days": 89}, {"time_zone": "x"}, {"retention_days": "x"}]
)
def test_not_everything_can_be_changed(cast, changes):
    with pytest.raises(InvalidInput) as refusal:
        update_workspace(workspace=cast.workspace, actor=cast.omar, **changes)
    assert set(refusal.value.fields) == set(changes)


def test_an_approver_does_not_change_it(cast):
    with pytest.raises(NotPermitted):
        update_workspace(workspace=cast.workspace, actor=cast.rosa, name="Mine")


@pytest.mark.parametrize("change", ["mode = 'wild'", "retention_days = 1"])
def test_the_database_refuses_what_cannot_be(cast, change):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE workspaces_workspace SET {change}")  # noqa: S608 (the words above)


def test_a_change_that_guards_read_is_made_in_a_transaction(live_db):
    workspace = make_workspace()
    with pytest.raises(RuntimeError, match="open one"), guard_change(workspace=workspace):
        pass


class Marker:
    """A thread that holds the guards of a workspace, as a worker does that marks a chunk."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.holds, self.let_go, self.committed = threading.Event(), threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._act)

    def __enter__(self) -> "Marker":
        self.thread.start()
        assert self.holds.wait(timeout=30)
        return self

    def __exit__(self, *exc: object) -> None:
        self.let_go.set()
        self.thread.join(timeout=30)

    def _act(self) -> None:
        try:
            with transaction.atomic():
                share_guards(workspace_ids=[self.workspace.id])
                self.holds.set()
                self.let_go.wait(timeout=30)
                self.committed.set()
        finally:
            connection.close()


def _changes_at_once(workspace: Workspace | None) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '300ms'")
        try:
            with guard_change(workspace=workspace):
                return True
        except OperationalError:
            transaction.set_rollback(True)
            return False


@pytest.mark.race
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_change_waits_for_the_mark_under_way(live_db, everywhere):
    cast = make_cast()
    changed = None if everywhere else cast.workspace
    with Marker(cast.workspace):
        assert not _changes_at_once(changed)
    assert _changes_at_once(changed)


@pytest.mark.race
def test_a_change_waits_for_no_other_workspace(live_db):
    cast, elsewhere = make_cast(), make_workspace()
    with Marker(elsewhere):
        assert _changes_at_once(cast.workspace)


@pytest.mark.race
def test_marks_do_not_wait_for_one_another(live_db):
    cast = make_cast()
    with Marker(cast.workspace), Marker(cast.workspace) as second:
        assert second.holds.is_set()
