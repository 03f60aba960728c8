"""Verification: whoever gets past the triggers is found out, and the first entry they touched is named."""

import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models, transaction
from django.test import override_settings

from tests.support.database import cloned_database
from tests.workspaces.ledger import bare_workspace, sealed, superuser, write
from workspaces.audit.hashing import entry_hash, merkle_root
from workspaces.audit.sealer import seal_of, seal_once
from workspaces.audit.verify import verify
from workspaces.models import AuditBlock, AuditEntry, Workspace


@pytest.fixture(scope="module")
def shelf(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Path]:
    """A database with two sealed books; yields their checkpoint."""
    checkpoint = tmp_path_factory.mktemp("audit") / "checkpoint.jsonl"
    with django_db_blocker.unblock(), cloned_database(), override_settings(AUDIT_CHECKPOINT=checkpoint):
        book, other = bare_workspace("book"), bare_workspace("other")
        for part in ((1, 2, 3, 4), (5, 6, 7), (8, 9, 10)):
            write(book, *part)
            write(other, 1)
            seal_once()
        yield checkpoint


@pytest.fixture
def book(shelf, settings, tmp_path) -> Iterator[Workspace]:
    """A workspace with ten numbered entries in blocks of four, three and three; what a test does to it is undone."""
    settings.AUDIT_CHECKPOINT = tmp_path / "checkpoint.jsonl"
    shutil.copy(shelf, settings.AUDIT_CHECKPOINT)
    with transaction.atomic():
        assert verify().bad is None
        yield Workspace.objects.get(slug="book")
        transaction.set_rollback(True)


def blame(book):
    """The id and position of the first bad entry."""
    bad = verify(workspace_id=book.id).bad
    assert bad is not None
    assert bad.chain == str(book.id)
    return bad.entry_id, bad.position


ALTERED = {
    "at": "at + interval '1 microsecond'",
    "action": "'test.other'",
    "actor_id": "gen_random_uuid()",
    "via": "'api'",
    "subject_type": "'x'",
    "subject_id": "gen_random_uuid()",
    "subjects": "'[\"x\"]'",
    "data": "'{\"n\": 99}'",
    "correlation": "gen_random_uuid()",
    "transaction": "transaction + 1",
    "hash": "'0' || substr(md5(hash) || md5(hash), 1, 63)",
}


def test_every_column_is_covered():
    columns = {field.column for field in AuditEntry._meta.fields}
    assert set(ALTERED) | {"id", "workspace_id"} == columns


@pytest.mark.parametrize("column", sorted(ALTERED))
def test_one_altered_column_is_named(book, column):
    victim = sealed(book)[4]
    with superuser() as cursor:
        cursor.execute(
            f"UPDATE workspaces_auditentry SET {column} = {ALTERED[column]} WHERE id = %s",  # noqa: S608
            [victim],
        )
    assert blame(book) == (str(victim), 5)


def test_one_altered_byte_is_named_also_where_the_hash_was_made_to_fit(book):
    victim = AuditEntry.objects.get(id=sealed(book)[4])
    victim.data = {"n": 99}
    columns = {name: getattr(victim, name) for name in (f.attname for f in AuditEntry._meta.fields) if name != "hash"}
    with superuser() as cursor:
        cursor.execute(
            "UPDATE workspaces_auditentry SET data = %s, hash = %s WHERE id = %s",
            [json.dumps(victim.data), entry_hash(**columns), victim.id],
        )
    assert blame(book) == (str(victim.id), 5)


def test_also_where_the_block_was_made_to_fit(book):
    victim = AuditEntry.objects.get(id=sealed(book)[4])
    victim.data = {"n": 99}
    columns = {name: getattr(victim, name) for name in (f.attname for f in AuditEntry._meta.fields) if name != "hash"}
    block = AuditBlock.objects.get(chain=str(book.id), number=2)
    block.entry_hashes[block.entry_ids.index(str(victim.id))] = entry_hash(**columns)
    block.root = merkle_root(block.entry_hashes)
    with superuser() as cursor:
        cursor.execute(
            "UPDATE workspaces_auditentry SET data = %s, hash = %s WHERE id = %s",
            [json.dumps(victim.data), entry_hash(**columns), victim.id],
        )
        cursor.execute(
            "UPDATE workspaces_auditblock SET entry_hashes = %s, root = %s, seal = %s WHERE id = %s",
            [json.dumps(block.entry_hashes), block.root, seal_of(block), block.id],
        )
    assert blame(book) == (block.entry_ids[0], 5)  # of a whole block made anew, the checkpoint knows the block


def test_of_several_the_first_is_named(book):
    first, second = sealed(book)[2], sealed(book)[7]
    with superuser() as cursor:
        cursor.execute("UPDATE workspaces_auditentry SET via = 'x' WHERE id IN (%s, %s)", [second, first])
    assert blame(book) == (str(first), 3)


@pytest.mark.parametrize("position", [1, 5, 10])
def test_a_deleted_entry_is_named(book, position):
    victim = sealed(book)[position - 1]
    with superuser() as cursor:
        cursor.execute("DELETE FROM workspaces_auditentry WHERE id = %s", [victim])
    assert blame(book) == (str(victim), position)


def test_entries_that_changed_places_are_named(book):
    one, two = sealed(book)[4], sealed(book)[6]
    rows = {row.id: row for row in AuditEntry.objects.filter(id__in=[one, two])}
    swapped = [field for field in AuditEntry._meta.fields if field.attname != "id"]
    with superuser() as cursor:
        for victim, source in ((one, rows[two]), (two, rows[one])):
            for field in swapped:
                value = field.get_db_prep_save(getattr(source, field.attname), connection)
                cursor.execute(
                    f"UPDATE workspaces_auditentry SET {field.column} = %s WHERE id = %s",  # noqa: S608
                    [value, victim],
                )
    assert blame(book) == (str(one), 5)


def test_entries_reordered_in_their_block_are_named(book):
    block = AuditBlock.objects.get(chain=str(book.id), number=2)
    first, second, third = block.entry_ids
    hashes = block.entry_hashes
    with superuser() as cursor:
        cursor.execute(
            "UPDATE workspaces_auditblock SET entry_ids = %s, entry_hashes = %s WHERE id = %s",
            [json.dumps([first, third, second]), json.dumps([hashes[0], hashes[2], hashes[1]]), block.id],
        )
    assert blame(book) == (third, 6)


def test_an_entry_moved_to_another_workspace_is_named(book):
    victim, elsewhere = sealed(book)[4], bare_workspace("elsewhere")
    with superuser() as cursor:
        cursor.execute("UPDATE workspaces_auditentry SET workspace_id = %s WHERE id = %s", [elsewhere.id, victim])
    assert blame(book) == (str(victim), 5)


def test_a_deleted_block_is_named(book):
    block = AuditBlock.objects.get(chain=str(book.id), number=2)
    with superuser() as cursor:
        cursor.execute("DELETE FROM workspaces_auditblock WHERE id = %s", [block.id])
    assert blame(book) == (block.entry_ids[0], 5)


def test_a_deleted_block_is_noticed_also_without_the_checkpoint(book, settings):
    settings.AUDIT_CHECKPOINT.unlink()
    block, after = AuditBlock.objects.filter(chain=str(book.id), number__gte=2).order_by("number")
    with superuser() as cursor:
        cursor.execute("DELETE FROM workspaces_auditblock WHERE id = %s", [block.id])
    assert blame(book) == (after.entry_ids[0], 5)


@pytest.mark.parametrize("with_entries", [False, True])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_a_cut_tail_is_named_by_the_checkpoint(book, with_entries, blocks):
    cut = list(AuditBlock.objects.filter(chain=str(book.id)).order_by("-number")[:blocks])
    with superuser() as cursor:
        for block in cut:
            cursor.execute("DELETE FROM workspaces_auditblock WHERE id = %s", [block.id])
            if with_entries:
                cursor.execute("DELETE FROM workspaces_auditentry WHERE id = ANY(%s::uuid[])", [block.entry_ids])
    assert blame(book) == (cut[-1].entry_ids[0], cut[-1].first_position)


def test_a_tail_cut_and_sealed_anew_is_named_by_the_checkpoint(book):
    block = AuditBlock.objects.get(chain=str(book.id), number=3)
    with superuser() as cursor:
        cursor.execute("DELETE FROM workspaces_auditblock WHERE horizon = %s", [block.horizon])
        cursor.execute("DELETE FROM workspaces_auditentry WHERE id = %s", [block.entry_ids[0]])
    assert seal_once() == 3  # two of this book, one of the other
    assert blame(book) == (block.entry_ids[0], block.first_position)


def test_an_entry_slipped_in_behind_the_seals_is_named(book):
    source = AuditEntry.objects.get(id=sealed(book)[4])
    columns = {name: getattr(source, name) for name in (f.attname for f in AuditEntry._meta.fields) if name != "hash"}
    columns["id"] = type(source.id)(int=source.id.int + 1)
    with transaction.atomic():
        AuditEntry.objects.create(**columns, hash=entry_hash(**columns))
    assert blame(book) == (str(columns["id"]), None)


@pytest.mark.parametrize(
    "change",
    [
        "seal = repeat('0', 64)",
        "root = repeat('0', 64)",
        "sealed_at = sealed_at + interval '1 second'",
        "horizon = horizon + 1",
        "database = repeat('0', 64)",
        "first_position = first_position + 1",
        "previous = repeat('0', 64)",
        "number = number + 5",
        "entry_ids = entry_ids - 0",
        "entry_hashes = entry_hashes - 2",
        "entry_ids = '[]', entry_hashes = '[]'",
        "entry_ids = entry_ids || jsonb_build_array(entry_ids -> 0)",
    ],
)
def test_a_changed_block_is_noticed(book, change):
    with superuser() as cursor:
        cursor.execute(
            f"UPDATE workspaces_auditblock SET {change} WHERE chain = %s AND number = 2",  # noqa: S608
            [str(book.id)],
        )
    bad = verify().bad
    assert bad is not None
    assert bad.position is not None
    assert 5 <= bad.position <= 8


def test_every_column_of_a_block_is_covered():
    covered = {"chain", "number", "first_position", "entry_ids", "entry_hashes", "root", "previous", "seal"}
    columns = {field.column for field in AuditBlock._meta.fields}
    assert columns - covered == {"id", "sealed_at", "horizon", "database"}
    assert isinstance(AuditBlock._meta.pk, models.UUIDField)


def test_an_entry_that_is_not_sealed_yet_is_checked_by_its_own_hash(book):
    (victim,) = write(book, 9)
    with superuser() as cursor:
        cursor.execute("UPDATE workspaces_auditentry SET via = 'x' WHERE id = %s", [victim])
    assert blame(book) == (str(victim), None)


def test_a_workspace_is_verified_apart(book):
    other = Workspace.objects.get(slug="other")
    with superuser() as cursor:
        cursor.execute("DELETE FROM workspaces_auditentry WHERE id = %s", [sealed(book)[4]])
    assert verify(workspace_id=other.id).bad is None
    assert verify(workspace_id=book.id).bad is not None


def test_it_counts_what_it_looked_at(book):
    write(book, 9)
    result = verify()
    assert result.entries == AuditEntry.objects.count()
    assert result.blocks == AuditBlock.objects.count()


def test_the_command_is_content_with_a_sound_log(book):
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert out.getvalue().startswith("The audit log stands:")
    call_command("verify_audit", workspace="book", stdout=out)


def test_the_command_names_the_first_bad_entry(book):
    victim = sealed(book)[4]
    with superuser() as cursor:
        cursor.execute("DELETE FROM workspaces_auditentry WHERE id = %s", [victim])
    with pytest.raises(CommandError, match=rf"entry {victim} \(position 5 of chain {book.id}\): it was deleted"):
        call_command("verify_audit")


def test_the_command_knows_no_other_workspace(book):
    with pytest.raises(CommandError, match="no workspace"):
        call_command("verify_audit", workspace="nowhere")
