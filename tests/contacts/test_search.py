"""Finding contacts, organisations and tags."""

import pytest

from contacts.selectors import contact_named, organisations, search_contacts, tags_in_use
from contacts.services import create_organisation, erase_contact
from tests.builders import make_contact
from workspaces.errors import NotFound


@pytest.fixture
def office(cast):
    organisation = create_organisation(workspace=cast.workspace, actor=cast.ada, name="Clean Energy Now")
    return make_contact(
        cast.workspace,
        cast.ada,
        name="Dana Doe",
        email="dana@clean.example",
        phone="+442079460958",
        title="Director",
        kind="office",
        organisation=organisation,
        tags=["energy"],
    )


@pytest.mark.parametrize(
    "q", ["dana", "DANA doe", "clean.example", "energy now", "7946 0958", "director", "doe energy", " dana  "]
)
def test_it_finds_by_name_email_phone_role_and_organisation(cast, office, q):
    assert [contact.id for contact in search_contacts(workspace=cast.workspace, q=q)] == [office.id]


def test_digits_inside_a_word_are_no_phone_number(cast, office):
    assert not search_contacts(workspace=cast.workspace, q="room0958b").exists()


@pytest.mark.parametrize("q", ["nobody", "dana smith", "%", "_", "99999"])
def test_every_word_must_be_found(cast, office, q):
    assert not search_contacts(workspace=cast.workspace, q=q).exists()


def test_it_filters_by_kind_tag_and_organisation(cast, office):
    for filters in ({"kind": "office"}, {"tag": "energy"}, {"organisation_id": office.organisation_id}):
        assert [c.id for c in search_contacts(workspace=cast.workspace, **filters)] == [office.id]


def test_a_page_takes_two_queries_however_long(cast, office, django_assert_num_queries):
    for _ in range(20):
        make_contact(cast.workspace, cast.ada, organisation=office.organisation)
    with django_assert_num_queries(1):
        page = list(search_contacts(workspace=cast.workspace)[:10])
        assert all(str(contact.organisation) for contact in page)


def test_it_reads_newest_first(cast, office):
    ids = [contact.id for contact in search_contacts(workspace=cast.workspace)]
    assert ids == sorted(ids, reverse=True)
    assert ids[0] == office.id


def test_the_erased_are_not_found(cast, office):
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=office.id)
    assert office.id not in {contact.id for contact in search_contacts(workspace=cast.workspace)}


def test_a_workspace_finds_its_own_alone(cast, other):
    assert {c.id for c in search_contacts(workspace=other.workspace)} == {other.oscar.id}
    with pytest.raises(NotFound):
        contact_named(workspace=cast.workspace, contact_id=other.oscar.id)
    assert contact_named(workspace=cast.workspace, contact_id=cast.alice.id).name == "Alice Adams"


def test_a_scope_does_not_widen_what_is_asked_for(cast, other):
    with other.scope():
        assert {c.name for c in search_contacts(workspace=cast.workspace, q="alice")} == {"Alice Adams"}


def test_organisations_count_their_contacts(cast, office):
    create_organisation(workspace=cast.workspace, actor=cast.ada, name="Empty")
    found = organisations(workspace=cast.workspace)
    assert [(row.name, vars(row)["contact_count"]) for row in found] == [("Clean Energy Now", 1), ("Empty", 0)]
    assert [row.name for row in organisations(workspace=cast.workspace, q="empt")] == ["Empty"]


def test_tags_count_their_contacts(cast, office):
    make_contact(cast.workspace, cast.ada, tags=["energy", "press"])
    assert tags_in_use(workspace=cast.workspace) == [("energy", 2), ("press", 1)]
