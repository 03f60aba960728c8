"""Approving, rejecting and asking for changes over HTTP."""

import pytest

from tests.api.conftest import EMAIL


def decide(api, verdict, request, **more):
    return api.post(f"execution/{verdict}", {"execution_id": str(request.pk), **more})


def test_an_approver_approves_what_they_saw(rosa, waiting):
    request = waiting()
    answer = decide(rosa, "approve", request, digest=request.digest, reason="reads well")
    assert answer.status == 200
    assert answer.json["status"] == "approved"
    (gate,) = answer.json["gates"]
    (decision,) = gate["decisions"]
    assert gate["state"] == "passed"
    assert (decision["by"], decision["verdict"], decision["reason"]) == ("human:rosa", "approve", "reads well")
    assert (decision["digest"], decision["compared"], decision["via"]) == (request.digest, True, "api")


def test_deciding_the_same_again_changes_nothing(rosa, waiting):
    request = waiting()
    first = decide(rosa, "approve", request, digest=request.digest).json
    again = decide(rosa, "approve", request, digest=request.digest)
    assert again.status == 200
    assert again.json["gates"] == first["gates"]


def test_a_stale_digest_is_answered_with_the_difference(ada, rosa, waiting):
    request = waiting()
    edited = ada.patch(f"execution/requests/{request.pk}", {"payload": {"subject": "Another word"}}).json
    answer = decide(rosa, "approve", request, digest=request.digest)
    assert answer.status == 409
    assert answer.json["current_digest"] == edited["digest"]
    assert answer.json["diff"] == [{"field": "payload.subject", "was": EMAIL["subject"], "now": "Another word"}]
    assert answer.json["type"] == "urn:countersign:problem:stale_digest"


def test_what_was_decided_otherwise_is_409(api_of, rosa, waiting):
    request = waiting()
    assert decide(rosa, "reject", request, reason="no").json["status"] == "rejected"
    assert decide(api_of("sam"), "approve", request, digest=request.digest).json["status"] == 409
    assert decide(rosa, "approve", request, digest=request.digest).json["status"] == 409


def test_a_rejection_needs_no_reason(rosa, waiting):
    assert decide(rosa, "reject", waiting()).json["status"] == "rejected"


def test_asking_for_changes_needs_a_reason(rosa, waiting):
    request = waiting()
    assert decide(rosa, "request-changes", request).json["errors"] == {"reason": "This field is required."}
    assert decide(rosa, "request-changes", request, reason=" ").status == 400
    assert decide(rosa, "request-changes", request, reason="Say what it costs.").json["status"] == "needs_changes"


@pytest.mark.parametrize("who", ["ada", "vic", "crm", "writer"])
@pytest.mark.parametrize("verdict", ["approve", "reject", "request-changes"])
def test_whoever_may_not_decide_is_refused(api_of, waiting, who, verdict):
    request = waiting()
    more = {"digest": request.digest, "reason": "because"}
    assert decide(api_of(who), verdict, request, **more).json["status"] == 403


def test_an_author_is_refused_on_their_own_words(rosa, waiting):
    request = waiting()
    edited = rosa.patch(f"execution/requests/{request.pk}", {"payload": {"subject": "Mine"}}).json
    answer = decide(rosa, "approve", request, digest=edited["digest"])
    assert answer.json["status"] == 403


def test_another_workspaces_request_is_404(stranger, waiting):
    request = waiting()
    for verdict in ("approve", "reject", "request-changes"):
        answer = decide(stranger, verdict, request, digest=request.digest, reason="mine")
        assert answer.json["status"] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "execution_id"),
        ({"digest": "x"}, "execution_id"),
        ({"execution_id": "x", "digest": "x"}, "execution_id"),
        ({"execution_id": "01900000-0000-7000-8000-000000000000"}, "digest"),
        ({"execution_id": "01900000-0000-7000-8000-000000000000", "digest": 5}, "digest"),
        ({"execution_id": "01900000-0000-7000-8000-000000000000", "digest": "x", "by": "human:omar"}, "by"),
    ],
)
def test_it_names_what_is_missing_or_unknown(rosa, body, field):
    answer = rosa.post("execution/approve", body)
    assert answer.status == 400
    assert field in answer.json["errors"]


def test_a_gate_that_is_not_open_is_409(rosa, waiting):
    request = waiting()
    assert decide(rosa, "approve", request, digest=request.digest, gate="HR_LEGAL").json["status"] == 409
    assert decide(rosa, "approve", request, digest=request.digest, gate="HR_LANG").json["status"] == "approved"


@pytest.mark.parametrize("path", ["approve", "reject", "request-changes", "hold", "release"])
def test_a_get_decides_nothing(rosa, path):
    assert rosa.get(f"execution/{path}").json["status"] == 405
