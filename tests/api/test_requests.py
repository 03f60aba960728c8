"""Requests over HTTP, word for word as the interfaces say."""

import base64

import pytest

from tests.api.conftest import EMAIL

KEYS = {
    "id", "channel", "status", "to", "contact", "payload", "digest", "revision", "plan", "gates", "policy", "attempts",
    "delivery", "proposed_by", "scheduled_for", "expires_at", "deliverable_url", "last_error", "wait_reason",
    "created_at", "mode", "priority", "metadata", "origin",
}  # fmt: skip


def test_it_proposes_an_email_that_waits_at_its_gate(crm):
    answer = crm.post("execution/requests", {"channel": "email", "to": "new@example.org", "payload": EMAIL})
    assert answer.status == 201
    made = answer.json
    assert set(made) >= KEYS
    assert (made["status"], made["to"], made["proposed_by"]) == ("pending", "new@example.org", "service:crm")
    assert [(g["gate"], g["state"], g["needed"], g["decisions"]) for g in made["gates"]] == [("HR_LANG", "open", 1, [])]
    assert set(made["policy"]) == {"version", "matched", "reasons"}
    assert len(made["digest"]) == 64
    assert answer.headers["Location"] == f"/api/v1/execution/requests/{made['id']}"


def test_it_answers_the_request_by_its_id(crm, waiting):
    request = waiting()
    shown = crm.get(f"execution/requests/{request.pk}")
    assert shown.status == 200
    assert shown.json["id"] == str(request.pk)
    assert shown.json["payload"]["subject"] == EMAIL["subject"]
    assert shown.json["created_at"].endswith("Z")


def test_it_answers_the_same_request_for_the_same_key_and_body(crm):
    body = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
    first = crm.post("execution/requests", body, headers={"Idempotency-Key": "one"})
    second = crm.post("execution/requests", body, headers={"Idempotency-Key": "one"})
    assert (first.status, second.status) == (201, 200)
    assert first.json["id"] == second.json["id"]


def test_it_refuses_a_key_that_came_with_another_body(crm):
    body = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
    crm.post("execution/requests", body, headers={"Idempotency-Key": "one"})
    other = crm.post("execution/requests", {**body, "priority": 51}, headers={"Idempotency-Key": "one"})
    assert other.status == 409
    assert "Idempotency-Key" in other.json["detail"]


@pytest.mark.parametrize("key", ["", "x" * 181, "größe", "a\tb"])
def test_it_refuses_a_key_that_cannot_be_kept(crm, key):
    body = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
    answer = crm.post("execution/requests", body, headers={"Idempotency-Key": key})
    assert answer.status == 400
    assert "Idempotency-Key" in answer.json["errors"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payload": {"text": "no subject"}}, "payload.subject"),
        ({"payload": "text"}, "payload"),
        ({"channel": "pigeon"}, "channel"),
        ({"to": None}, "to"),
        ({"to": 5}, "to"),
        ({"to": "nobody"}, "to"),
        ({"priority": 101}, "priority"),
        ({"priority": True}, "priority"),
        ({"scheduled_for": "2027-01-01T09:00:00"}, "scheduled_for"),
        ({"scheduled_for": "soon"}, "scheduled_for"),
        ({"expires_at": 5}, "expires_at"),
        ({"contact": "not-an-id", "to": None}, "contact"),
        ({"plan": "not-an-id"}, "plan"),
        ({"account": "not-an-id"}, "account"),
        ({"metadata": []}, "metadata"),
        ({"status": "approved"}, "status"),
        ({"approved_by": "human:rosa"}, "approved_by"),
        ({"workspace": "other"}, "workspace"),
        ({"mode": "live"}, "mode"),
        ({"runs_alone": True}, "runs_alone"),
        ({"payload": {**EMAIL, "subject": "a\r\nBcc: x@example.org"}}, "payload.subject"),
    ],
)
def test_it_names_the_field_that_is_wrong_and_proposes_nothing(crm, change, field):
    body = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
    answer = crm.post("execution/requests", {**body, **change})
    assert answer.status == 400, answer.text
    assert field in answer.json["errors"]
    assert crm.get("execution/requests").json["results"] == []


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"[]", b'"text"', b"null", b'{"a": NaN}', b'{"a": 1e999}', b"\xff",
        b'{"a": "\\ud800"}', b'{"a": "\\u0000"}',
        b'{"a": 1, "a": 2}', b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a":' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_it_refuses_what_is_no_json_object(crm, raw):
    assert crm.post("execution/requests", raw).json["status"] == 400


def test_it_refuses_what_is_not_sent_as_json(crm):
    answer = crm.client.post("/api/v1/execution/requests", data={"channel": "email"}, headers=crm.headers)
    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_it_shows_an_attachment_by_its_digest_and_not_its_bytes(crm):
    content = base64.b64encode(b"a letter").decode()
    payload = {
        **EMAIL,
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content_base64": content}],
    }
    answer = crm.post("execution/requests", {"channel": "email", "to": "new@example.org", "payload": payload})
    (attachment,) = answer.json["payload"]["attachments"]
    assert set(attachment) == {"filename", "content_type", "sha256", "size"}
    assert attachment["size"] == 8


def test_the_sealed_bytes_can_be_read_and_are_never_shown_by_a_browser(crm, rosa, settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    content = base64.b64encode(b"<script>").decode()
    payload = {
        **EMAIL,
        "attachments": [{"filename": 'a"b.html', "content_type": "text/html", "content_base64": content}],
    }
    made = crm.post("execution/requests", {"channel": "email", "to": "new@example.org", "payload": payload}).json
    path = f"execution/requests/{made['id']}/contents"
    attachment = rosa.get(f"{path}/{made['payload']['attachments'][0]['sha256']}")
    assert (attachment.status, attachment.text) == (200, "<script>")
    assert attachment.headers["Content-Type"] == "application/octet-stream"
    assert attachment.headers["Content-Disposition"].startswith("attachment; filename=")
    assert attachment.headers["X-Content-Type-Options"] == "nosniff"
    message = "".join(rosa.get(f"{path}/{digest}").text for digest in made["wire"])
    assert f"Subject: {EMAIL['subject']}" in message
    assert content in message
    assert rosa.get(f"{path}/{'0' * 64}").json["status"] == 404


def test_an_edit_makes_a_revision_and_opens_the_gate_again(ada, rosa, waiting):
    request = waiting()
    rosa.post("execution/approve", {"execution_id": str(request.pk), "digest": request.digest})
    edited = ada.patch(f"execution/requests/{request.pk}", {"payload": {**EMAIL, "subject": "Another word"}})
    assert edited.status == 200
    body = edited.json
    assert (body["status"], body["revision"], body["author"]) == ("pending", 2, "human:ada")
    assert body["digest"] != request.digest
    assert [(g["gate"], g["state"], g["decisions"]) for g in body["gates"]] == [("HR_LANG", "open", [])]
    assert [r["number"] for r in body["revisions"]] == [1, 2]


def test_a_patch_of_the_payload_leaves_the_rest_of_it(ada, waiting):
    request = waiting(payload={**EMAIL, "reply_to": "ada@example.org"})
    edited = ada.patch(f"execution/requests/{request.pk}", {"payload": {"subject": "New", "reply_to": None}})
    assert edited.json["payload"] == {"subject": "New", "text": EMAIL["text"]}


def test_an_edit_of_something_already_edited_answers_409_with_the_difference(ada, waiting):
    request = waiting()
    ada.patch(f"execution/requests/{request.pk}", {"payload": {"subject": "Two"}})
    stale = ada.patch(f"execution/requests/{request.pk}", {"payload": {"subject": "Three"}, "digest": request.digest})
    assert stale.status == 409
    assert stale.json["diff"] == [{"field": "payload.subject", "was": EMAIL["subject"], "now": "Two"}]


@pytest.mark.parametrize("body", [{}, {"note": "nothing"}, {"status": "approved"}, {"to": "x@example.org"}])
def test_it_refuses_an_edit_of_nothing_or_of_what_is_not_to_be_edited(ada, waiting, body):
    assert ada.patch(f"execution/requests/{waiting().pk}", body).json["status"] == 400


def test_its_proposer_withdraws_it(crm, waiting):
    request = waiting()
    answer = crm.post(f"execution/requests/{request.pk}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert crm.post(f"execution/requests/{request.pk}/cancel").json["status"] == "cancelled"


def test_somebody_else_may_not_withdraw_it(api_of, waiting):
    assert api_of("ada").post(f"execution/requests/{waiting().pk}/cancel").json["status"] == 403


def test_it_runs_only_what_is_approved(rosa, waiting):
    assert rosa.post(f"execution/requests/{waiting().pk}/run").json["status"] == 409


def test_it_resolves_only_what_is_uncertain(rosa, waiting):
    answer = rosa.post(f"execution/requests/{waiting().pk}/resolve", {"outcome": "was_sent", "reason": "it arrived"})
    assert answer.json["status"] == 409


def test_the_preflight_says_which_check_stops_it(rosa, waiting):
    answer = rosa.get(f"execution/requests/{waiting().pk}/preflight")
    assert answer.status == 200
    assert set(answer.json) == {"would_send", "earliest", "checks", "cost"}
    assert answer.json["would_send"] is False
    assert all(set(check) == {"name", "ok", "detail"} for check in answer.json["checks"])
    assert any(not check["ok"] for check in answer.json["checks"])


@pytest.mark.parametrize("path", ["", "/preflight", "/cancel", "/run"])
def test_an_unknown_id_is_404(rosa, path):
    for wrong in ("01900000-0000-7000-8000-000000000000", "not-an-id", "1"):
        address = f"execution/requests/{wrong}{path}"
        answer = rosa.post(address) if path in ("/cancel", "/run") else rosa.get(address)
        assert answer.json["status"] == 404


def test_a_get_of_an_action_is_405(rosa, waiting):
    for action in ("cancel", "run", "resolve"):
        answer = rosa.get(f"execution/requests/{waiting().pk}/{action}")
        assert answer.json["status"] == 405
        assert "POST" in answer.headers["Allow"]
