"""Contacts, consents, suppressions and organisations over HTTP."""

import pytest

from contacts.services import create_organisation
from tests.api.conftest import EMAIL


def test_a_contact_is_made_found_and_changed(ada):
    made = ada.post("contacts", {"name": "Dora Day", "email": "Dora@Example.org", "tags": ["Water"], "kind": "person"})
    assert made.status == 201
    body = made.json
    assert (body["name"], body["email"], body["tags"]) == ("Dora Day", "Dora@example.org", ["water"])
    assert [c["id"] for c in ada.get("contacts", q="dora").json["results"]] == [body["id"]]
    assert [c["id"] for c in ada.get("contacts", tag="water").json["results"]] == [body["id"]]
    changed = ada.patch(f"contacts/{body['id']}", {"title": "Director", "tags": []}).json
    assert (changed["title"], changed["tags"], changed["name"]) == ("Director", [], "Dora Day")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "email": "nobody"}, "email"),
        ({"name": "x", "phone": "12"}, "phone"),
        ({"name": "x", "kind": "robot"}, "kind"),
        ({"name": "x", "time_zone": "Moon/Base"}, "time_zone"),
        ({"name": "x", "tags": "water"}, "tags"),
        ({"name": "x", "handles": {"x": 5}}, "handles.x"),
        ({"name": "x", "organisation": "y"}, "organisation"),
        ({"name": 5}, "name"),
        ({"name": "x", "is_erased": True}, "is_erased"),
        ({"name": "x", "last_contacted_at": "2027-01-01T00:00:00Z"}, "last_contacted_at"),
        ({"name": "x", "workspace": "other"}, "workspace"),
    ],
)
def test_it_names_what_is_wrong_with_a_contact(ada, body, field):
    answer = ada.post("contacts", body)
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_an_email_that_is_taken_is_409(ada):
    assert ada.post("contacts", {"name": "Another", "email": "BOB@example.org"}).json["status"] == 409


def test_a_contact_of_an_organisation_elsewhere_is_refused(ada, other, stranger):
    theirs = create_organisation(workspace=other.workspace, actor=other.olga, name="Theirs")
    answer = ada.post("contacts", {"name": "x", "organisation": str(theirs.pk)})
    assert answer.status == 400
    assert "organisation" in answer.json["errors"]


def test_a_person_records_a_consent_and_a_service_cannot(cast, ada, crm):
    path = f"contacts/{cast.bob.pk}/consents"
    body = {"purpose": "email", "basis": "consent", "source": "A form", "at": "2026-01-31T09:00:00+01:00"}
    assert crm.post(path, body).json["status"] == 403
    made = ada.post(path, body)
    assert made.status == 201
    assert made.json["recorded_by"] == "human:ada"
    assert crm.post(path, {"purpose": "email", "status": "withdrawn"}).status == 201
    assert [c["status"] for c in ada.get(path).json["results"]] == ["withdrawn", "granted"]
    assert ada.post(path, {**body, "at": "2026-01-31T09:00:00"}).json["status"] == 400
    assert ada.post(path, {"purpose": "email"}).json["status"] == 400


def test_the_timeline_tells_what_happened(cast, ada, rosa):
    ada.post("suppressions", {"address": "bob@example.org", "reason": "opt_out", "source": "a call"})
    rows = ada.get(f"contacts/{cast.bob.pk}/timeline").json["results"]
    assert [row["kind"] for row in rows] == ["suppressed"]


def test_a_suppression_stops_every_spelling_until_a_person_lifts_it(ada, rosa, crm):
    made = crm.post("suppressions", {"kind": "email", "address": "Dora+news@Example.org", "reason": "opt_out"})
    assert made.status == 201
    assert crm.post("suppressions", {"address": "dora@example.org"}).json["id"] == made.json["id"]
    (found,) = ada.get("suppressions", address="DORA@example.org").json["results"]
    assert found["reason"] == "opt_out"
    refused = crm.post("execution/requests", {"channel": "email", "to": "dora@example.org", "payload": EMAIL})
    assert refused.json["status"] == "refused"
    path = f"suppressions/{found['id']}"
    assert crm.post(f"{path}/lift", {"reason": "x"}).json["status"] == 403
    assert ada.post(f"{path}/lift", {"reason": "x"}).json["status"] == 403
    assert rosa.delete(path).json["errors"] == {"reason": "Say why."}
    assert rosa.post(f"{path}/lift", {"reason": "She wrote again"}).json["lifted_by"] == "human:rosa"
    assert rosa.post(f"{path}/lift", {"reason": "again"}).json["status"] == 409
    assert [s["id"] for s in ada.get("suppressions", active="false").json["results"]] == [found["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "address"),
        ({"address": "x"}, "address"),
        ({"address": "a@b.example", "reason": "x"}, "reason"),
        ({"address": "a@b.example", "kind": "pigeon"}, "kind"),
        ({"address": "a@b.example", "lifted_at": None}, "lifted_at"),
    ],
)
def test_it_names_what_is_wrong_with_a_suppression(crm, body, field):
    answer = crm.post("suppressions", body)
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_an_owner_erases_a_contact(cast, owner, ada):
    assert ada.post(f"contacts/{cast.bob.pk}/erase").json["status"] == 403
    assert owner.post(f"contacts/{cast.bob.pk}/erase").status == 204
    assert owner.get(f"contacts/{cast.bob.pk}").json["name"] == ""
    assert "bob@example.org" not in owner.get("suppressions").text


def test_an_organisation_is_made_and_changed(ada):
    made = ada.post("organisations", {"name": "Water Board", "kind": "government"}).json
    assert ada.post("organisations", {"name": "water  board"}).json["status"] == 409
    assert ada.patch(f"organisations/{made['id']}", {"website": "https://water.example"}).json["kind"] == "government"
    assert [o["name"] for o in ada.get("organisations", q="water").json["results"]] == ["Water Board"]


@pytest.mark.parametrize("path", ["contacts/{}", "contacts/{}/timeline", "contacts/{}/consents"])
def test_another_workspaces_contact_is_404(cast, stranger, path):
    assert stranger.get(path.format(cast.bob.pk)).json["status"] == 404


def test_a_viewer_only_looks(cast, api_of):
    vic = api_of("vic")
    assert vic.get("contacts").status == 200
    for answer in (
        vic.post("contacts", {"name": "x"}),
        vic.patch(f"contacts/{cast.bob.pk}", {"name": "x"}),
        vic.post("suppressions", {"address": "a@b.example"}),
        vic.post("organisations", {"name": "x"}),
    ):
        assert answer.json["status"] == 403
