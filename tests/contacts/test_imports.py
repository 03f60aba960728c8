"""Importing contacts from CSV: all or nothing, nobody twice, clear words for what is wrong."""

import io
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Contact, Organisation
from contacts.selectors import consent_for, search_contacts
from contacts.services import export_contacts, import_contacts, preview_import
from contacts.services.csv_reading import MAX_BYTES, MAX_CELL, MAX_ROWS, read_sheet
from tests.builders import make_contact
from workspaces.csv_cells import inert_cell, read_cell
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.models import AuditEntry


def run(cast, text, **changes):
    data = text if isinstance(text, bytes) else text.encode()
    return import_contacts(**{"workspace": cast.workspace, "actor": cast.ada, "data": data, **changes})


def contact_of(cast, email):
    with cast.scope():
        return Contact.objects.select_related("organisation").get(email_key=email)


def count(cast):
    return search_contacts(workspace=cast.workspace).count()


SHEET = """\
Name,E-mail,Phone,Company,Job title,Tags,Timezone,Type,Twitter,Colour
Dana Doe,Dana@Senate.example,202-555-0199,Office of Senator Doe,Director,"Energy, Senate",,office,@dana,red
Eve Ek,eve@example.org,,Clean Energy Now,,energy,Europe/Paris,,,blue
"""


def test_it_reads_the_usual_headers(cast):
    result = run(cast, SHEET, source="list of May")
    dana = contact_of(cast, "dana@senate.example")
    assert (result.created, result.changed, result.ignored_columns) == (2, 0, ("Colour",))
    assert (dana.name, dana.phone, dana.title, dana.kind) == ("Dana Doe", "+12025550199", "Director", "office")
    assert (dana.organisation.name, dana.handles, dana.source) == (
        "Office of Senator Doe",
        {"x": "dana"},
        "list of May",
    )
    with cast.scope():
        assert [tag.slug for tag in dana.tags.all()] == ["energy", "senate"]
    assert (dana.time_zone, dana.time_zone_is_guess) == ("America/New_York", True)
    assert (contact_of(cast, "eve@example.org").time_zone) == "Europe/Paris"


def test_an_import_gives_no_consent(cast):
    result = run(cast, SHEET)
    assert consent_for(workspace=cast.workspace, contact_ids=result.contact_ids, purpose="email") == {}


def test_the_same_file_again_adds_nobody(cast):
    text = SHEET + "No Address,,,Clean Energy Now,,,,,,\nOnly Phone,,+1 202 555 0177,,,,,,,\n,,,,,,,,@handle,\n"
    first = run(cast, text)
    before = count(cast)
    again = run(cast, text)
    assert first.created == 5
    assert (again.created, again.changed, again.unchanged) == (0, 0, 5)
    assert set(again.contact_ids) == set(first.contact_ids)
    assert count(cast) == before
    with cast.scope():
        assert Organisation.objects.count() == 2


def test_it_brings_whom_we_know_up_to_date_and_leaves_blanks_alone(cast):
    result = run(cast, "name,email,role,phone\n,ALICE@example.org,Editor,\n")
    alice = contact_of(cast, "alice@example.org")
    assert (result.created, result.changed) == (0, 1)
    assert (alice.name, alice.title, alice.phone) == ("Alice Adams", "Editor", "+12025550101")


def test_rows_about_one_person_are_taken_together(cast):
    result = run(cast, "email,name,tags\nn@example.org,Nia,a\nN@example.org,,b\n")
    assert (result.rows, result.created, result.merged) == (2, 1, 1)
    nia = contact_of(cast, "n@example.org")
    with cast.scope():
        assert [tag.slug for tag in nia.tags.all()] == ["a", "b"]


def test_first_and_last_names_make_a_name(cast):
    run(cast, "First Name,Surname,email\nNia,Neri,n@example.org\n")
    assert contact_of(cast, "n@example.org").name == "Nia Neri"


def test_a_preview_changes_nothing(cast):
    before = count(cast)
    text = SHEET + "Alice Abel,alice@example.org,,,,,,,,\nBob Brown,bob@example.org,,,,,,,,\n"
    preview = preview_import(workspace=cast.workspace, actor=cast.ada, data=text.encode())
    assert (preview.created, preview.changed, preview.unchanged) == (2, 1, 1)
    assert count(cast) == before
    assert not AuditEntry.objects.filter(action="contact.imported").exists()
    result = run(cast, text)
    assert (result.created, result.changed, result.unchanged) == (2, 1, 1)


def test_columns_can_be_assigned(cast):
    run(cast, "A,B,email\nx,Nia,n@example.org\n", mapping={"B": "name", "email": "email", "A": ""})
    assert contact_of(cast, "n@example.org").name == "Nia"


@pytest.mark.parametrize("mapping", [{"Z": "name"}, {"email": "workspace"}, {"email": "is_erased"}])
def test_columns_are_assigned_to_fields_there_are(cast, mapping):
    with pytest.raises(InvalidInput):
        run(cast, "A,email\nx,n@example.org\n", mapping=mapping)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_it_reads_what_spreadsheets_write(encoding, separator, ending):
    lines = ["name,email", "Zoë Ünal,zoe@example.org"]
    text = ending.join(lines).replace(",", separator)
    sheet = read_sheet(data=text.encode(encoding))
    assert sheet.rows == [(2, {"name": "Zoë Ünal", "email": "zoe@example.org"})]


def test_it_names_row_and_field_and_imports_nothing(cast):
    text = "name,email,phone,timezone\nNia,n@example.org,,\nBad,nobody,12,Mars\n,,,\n,,,Europe/Paris\n"
    before = count(cast)
    with pytest.raises(InvalidInput) as refusal:
        run(cast, text)
    assert set(refusal.value.fields) == {"row 3, email", "row 3, phone", "row 3, time_zone", "row 5, name"}
    assert refusal.value.detail.startswith("Nothing was imported. row 3, email: This is not an email address")
    assert count(cast) == before


def test_it_names_a_hundred_errors_at_most(cast):
    text = "email\n" + "nobody\n" * 300
    with pytest.raises(InvalidInput, match=r"297 more") as refusal:
        run(cast, text)
    assert len(refusal.value.fields) == 100


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.xml", b"0" * 1_000_000)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\nname\n", "empty"),
        (b"name,email\n", "no rows"),
        (b"colour,shape\nred,round\n", "No column is recognised"),
        (b"email,E-Mail\na@example.org,b@example.org\n", "both taken for email"),
        (zipped(), "archive"),
        (b"%PDF-1.7\n", "PDF"),
        (b"name\x00,email\n", "NUL"),
        (b"name,email\n\x81\x8d\x8f,a@example.org\n", "neither UTF-8 nor"),
        (b"name,email\n" + b"x" * MAX_BYTES, "bytes"),
        (b"email\n" + b"a@example.org\n" * (MAX_ROWS + 1), "rows"),
        (b"," * 1_000_000 + b"\n", "a line of more than"),
        (b"name" + b",x" * 200 + b"\n", "201 columns"),
        (b"email\na@example.org,extra,cells\n", "3 cells, the header 1"),
        (b"name,email\n" + b",".join([b""] * 5_000_000), "a line of more than"),
        (b'name,email\n"' + b"x\n" * 1_000_000, "field larger than field limit"),
        (b"notes,email\n" + b"x" * (MAX_CELL + 1) + b",a@example.org\n", "more than 20,000 characters"),
        (b'name,email\n"Nia" Neri,a@example.org\n', "cannot be read"),
        (b'name,email\n"Nia,a@example.org\n', "cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_refuses_in_plain_words(cast, data, words):
    before = count(cast)
    with pytest.raises(InvalidInput, match=words):
        run(cast, data)
    assert count(cast) == before


def test_markup_and_entities_are_only_text(cast):
    run(cast, 'name,email\n"<!DOCTYPE a [<!ENTITY b SYSTEM ""file:///etc/passwd"">]>&b;",n@example.org\n')
    assert contact_of(cast, "n@example.org").name.endswith("&b;")


def test_a_formula_is_only_text(cast):
    run(cast, "name,email\n=cmd|'/c calc'!A1,n@example.org\n")
    assert contact_of(cast, "n@example.org").name == "=cmd|'/c calc'!A1"


def test_the_suppressed_whom_we_do_not_know_are_left_out(cast):
    result = run(cast, "name,email\nCharlie,charlie@example.org\n")
    assert (result.created, result.changed, result.suppressed) == (0, 1, 0)


def test_somebody_else_at_a_suppressed_number_comes_in(cast):
    result = run(cast, f"name,email,phone\nNia,n@example.org,{cast.charlie.phone}\nNobody,,{cast.charlie.phone}\n")
    assert (result.created, result.suppressed) == (1, 1)


@pytest.mark.parametrize("who", ["vic", "crm", "writer"])
def test_services_agents_and_viewers_import_nothing(cast, who):
    with pytest.raises(NotPermitted):
        run(cast, SHEET, actor=getattr(cast, who))


def test_a_stranger_imports_nothing(cast, other):
    with pytest.raises(NotPermitted):
        run(cast, SHEET, actor=other.olga)


def test_people_of_another_workspace_are_not_found(cast, other):
    result = run(cast, "email\noscar@example.net\n")
    assert result.created == 1


def test_it_is_on_record_by_counts_and_ids(cast):
    result = run(cast, SHEET + "Alice Abel,alice@example.org,,,,,,,,\n")
    entry = AuditEntry.objects.filter(action="contact.imported").get()
    assert entry.data == {"created": 2, "changed": 1, "skipped": 0}
    entries = AuditEntry.objects.filter(correlation=entry.correlation)
    named = {subject for one in entries for subject in one.subjects}
    assert named == {str(contact_id) for contact_id in result.contact_ids}


@pytest.mark.slow
def test_fifty_thousand_rows_go_in_and_in_again(cast):
    text = "name,email,phone\n" + "".join(f"P {n},p{n}@example.net,+1303555{n % 10_000:04}\n" for n in range(MAX_ROWS))
    assert run(cast, text).created == MAX_ROWS
    again = run(cast, text)
    assert (again.created, again.changed) == (0, 0)


RISKY = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "'=1", "''=1", "'", "", "plain", " =1", "＝1", "a=1", "\n=1"]


@pytest.mark.parametrize("text", RISKY)
def test_no_cell_begins_like_a_formula(text):
    cell = inert_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert not cell.startswith(("\t", "\r", "\n"))
    assert read_cell(cell) == text


@given(st.text())
def test_any_cell_comes_back_as_it_was(text):
    assert read_cell(inert_cell(text)) == text


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names, title=st.sampled_from(["=1+1", "'=1", "@x", "-", "Chief, \"the\" 'one'"]), notes=names)
def test_what_is_exported_and_imported_is_the_same(cast, other, name, title, notes):
    contact = make_contact(cast.workspace, cast.ada, name=name, title=title, notes=notes, handles={"x": "@dana"})
    lines = export_contacts(
        workspace=cast.workspace, actor=cast.ada, contacts=search_contacts(workspace=cast.workspace)
    )
    import_contacts(workspace=other.workspace, actor=other.olga, data="".join(lines).encode())
    with other.scope():
        copy = Contact.objects.get(email_key=contact.email_key)
    same = ("name", "title", "notes", "kind", "email", "phone", "handles")
    assert {field: getattr(copy, field) for field in same} == {field: getattr(contact, field) for field in same}


def test_an_export_takes_the_right_and_is_on_record(cast):
    contacts = search_contacts(workspace=cast.workspace)
    with pytest.raises(NotPermitted):
        export_contacts(workspace=cast.workspace, actor=cast.vic, contacts=contacts)
    lines = list(export_contacts(workspace=cast.workspace, actor=cast.ada, contacts=contacts))
    assert len(lines) == 4
    entry = AuditEntry.objects.filter(action="contact.exported").get()
    assert entry.data == {"contacts": 3}


def test_an_export_holds_nobody_of_another_workspace(cast, other):
    theirs = search_contacts(workspace=other.workspace)
    text = "".join(export_contacts(workspace=cast.workspace, actor=cast.ada, contacts=theirs))
    assert "oscar" not in text


def test_a_long_export_is_read_in_parts(cast, monkeypatch):
    monkeypatch.setattr("contacts.services.exports._BATCH", 2)
    for _ in range(5):
        make_contact(cast.workspace, cast.ada)
    lines = export_contacts(
        workspace=cast.workspace, actor=cast.ada, contacts=search_contacts(workspace=cast.workspace)
    )
    assert len(list(lines)) == 9
