"""The composite foreign key: made, undone, and nothing at all on SQLite."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader

from tests.builders import make_cast
from workspaces.migration_operations import (
    AddIndexOnline,
    CompositeForeignKey,
    DropImpliedForeignKey,
    KeepRoomInPages,
    RemoveIndexOnline,
)


def constraints() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conname LIKE '%%\\_tied'")
        return {row[0] for row in cursor.fetchall()}


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE '%%\\_and\\_id'")
        return {row[0] for row in cursor.fetchall()}


def run(operation: CompositeForeignKey | DropImpliedForeignKey, *, backwards: bool = False) -> None:
    state = MigrationLoader(connection).project_state()
    with connection.schema_editor() as editor:
        act = operation.database_backwards if backwards else operation.database_forwards
        act("contacts", editor, state, state)


def test_every_key_into_a_tenants_row_is_tied_to_its_workspace(db):
    expected = {"contacts_contact_organisation_id_tied", "contacts_consentevent_contact_id_tied"}
    assert expected | {"workspaces_membership_principal_id_tied"} <= constraints()


def test_it_is_undone_with_its_index_when_nothing_else_needs_it(live_db):
    operation = CompositeForeignKey("contact", "organisation_id", "contacts.Organisation")
    run(operation, backwards=True)
    assert "contacts_contact_organisation_id_tied" not in constraints()
    assert "contacts_organisation_workspace_id_and_id" not in indexes()
    run(operation)
    assert "contacts_contact_organisation_id_tied" in constraints()


def test_an_index_that_another_key_needs_stays(live_db):
    run(CompositeForeignKey("consentevent", "contact_id", "contacts.Contact"), backwards=True)
    assert "contacts_contact_workspace_id_and_id" in indexes()


def test_it_is_checked_at_the_end_of_the_transaction(live_db):
    cast = make_cast()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_consentevent SET workspace_id = gen_random_uuid()")
        cursor.execute("UPDATE contacts_consentevent SET workspace_id = %s", [cast.workspace.id])
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_consentevent SET workspace_id = gen_random_uuid()")


def foreign_keys(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass",
            [table],
        )
        return sorted(row[0].partition(" REFERENCES")[0].removeprefix("FOREIGN KEY ") for row in cursor.fetchall())


def test_what_another_key_implies_is_not_checked_as_well(db):
    assert foreign_keys("execution_attempt") == ["(resolved_by_id)", "(workspace_id, request_id)"]
    assert foreign_keys("contacts_timelineevent") == ["(workspace_id, contact_id)"]


def test_an_implied_key_comes_back(live_db):
    operation = DropImpliedForeignKey("timelineevent", "contact_id", "contacts.Contact")
    run(operation, backwards=True)
    assert foreign_keys("contacts_timelineevent") == ["(contact_id)", "(workspace_id, contact_id)"]
    run(operation)
    assert foreign_keys("contacts_timelineevent") == ["(workspace_id, contact_id)"]


def test_a_row_that_points_nowhere_is_refused_all_the_same(live_db):
    make_cast()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_consentevent SET contact_id = gen_random_uuid()")


def test_it_says_what_it_does():
    operation = CompositeForeignKey("contact", "organisation_id", "contacts.Organisation")
    assert operation.describe() == "Tie organisation_id of contact to contacts.Organisation by workspace_id"
    assert operation.migration_name_fragment == "contact_organisation_id_tied"
    name, arguments, keywords = operation.deconstruct()
    assert CompositeForeignKey(*arguments, **keywords).column == "organisation_id"
    assert name == "CompositeForeignKey"


@pytest.mark.slow
def test_every_migration_can_be_undone_and_done_again(live_db):
    call_command("migrate", "workspaces", "zero", verbosity=0)  # and all that stands on it
    call_command("migrate", verbosity=0)
    call_command("check", databases=["default"])
    assert "contacts_contact_organisation_id_tied" in constraints()


def online_index() -> AddIndexOnline:
    index = models.Index(
        fields=["workspace", "-ended_at"], name="attempt_of_a_test", condition=models.Q(state="failed")
    )
    return AddIndexOnline(model_name="attempt", index=index)


def valid_indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")
        return {row[0] for row in cursor.fetchall()}


def test_an_index_is_made_online_and_undone_and_made_again_after_a_try_that_broke_off(live_db):
    state = MigrationLoader(connection).project_state()
    for _ in range(2):
        with connection.schema_editor(atomic=False) as editor:
            online_index().database_forwards("execution", editor, state, state)
        assert "attempt_of_a_test" in valid_indexes()
    with connection.schema_editor(atomic=False) as editor:
        online_index().database_backwards("execution", editor, state, state)
    assert "attempt_of_a_test" not in valid_indexes()


def test_an_index_is_removed_online_and_comes_back(live_db):
    state = MigrationLoader(connection).project_state()
    operation = RemoveIndexOnline(model_name="contact", name="contact_by_name")
    without = state.clone()
    operation.state_forwards("contacts", without)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("contacts", editor, state, without)
        assert "contact_by_name" not in valid_indexes()
        operation.database_backwards("contacts", editor, without, state)
    assert "contact_by_name" in valid_indexes()


def storage_options(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [table])
        return list(cursor.fetchone()[0] or [])


def test_room_in_pages_is_kept_and_given_up(live_db):
    operation = KeepRoomInPages("contact", percent=70)
    state = MigrationLoader(connection).project_state()
    assert storage_options("contacts_contact") == ["fillfactor=70"]
    with connection.schema_editor() as editor:
        operation.database_backwards("contacts", editor, state, state)
    assert storage_options("contacts_contact") == []
    with connection.schema_editor() as editor:
        operation.database_forwards("contacts", editor, state, state)
    assert storage_options("contacts_contact") == ["fillfactor=70"]


def test_an_index_is_not_made_online_inside_a_transaction(db):
    state = MigrationLoader(connection).project_state()
    with pytest.raises(RuntimeError, match="atomic = False"), connection.schema_editor(atomic=False) as editor:
        online_index().database_forwards("execution", editor, state, state)
