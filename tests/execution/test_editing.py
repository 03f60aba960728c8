"""Editing: a new revision, new gates, and one more author."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution.errors import StaleApproval
from execution.models import Decision, ExecutionRequest, ProviderAccount, RequestGate, Revision
from execution.services import decisions
from execution.services.accounts import stop_account
from execution.services.diff import revision_diff
from execution.services.editing import edit_request, reseal
from execution.services.patching import merge_patch, patch_request
from execution.states import EDITABLE, Status
from tests.builders import Cast, OtherCast
from tests.execution.arranged import PAYLOAD, alerts, approved_email, propose_email, put
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import AuditEntry
from workspaces.settings_store import set_setting

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
OTHER = {**PAYLOAD, "subject": "The hearing on Monday"}
ATTACHMENT = {
    "filename": "plan.txt",
    "content_type": "text/plain",
    "content_base64": base64.b64encode(b"the plan").decode(),
}


def edit(cast: Cast, request: ExecutionRequest, **changes: Any) -> ExecutionRequest:
    actor = changes.pop("actor", cast.ada)
    return edit_request(workspace=cast.workspace, actor=actor, request_id=request.id, **changes)


def test_an_edit_is_a_new_revision(cast: Cast) -> None:
    request = propose_email(cast)
    edited = edit(cast, request, payload=OTHER, note="Wrong day.")
    assert (edited.revision, edited.digest == request.digest, edited.summary) == (
        2,
        False,
        f"Email: {OTHER['subject']}",
    )
    with cast.scope():
        first, second = Revision.objects.filter(request=request)
        changes = revision_diff(before=first, after=second)
    assert (second.note, second.author_id) == ("Wrong day.", cast.ada.principal_id)
    assert changes == [{"field": "payload.subject", "was": PAYLOAD["subject"], "now": OTHER["subject"]}]


def test_an_edit_opens_the_gates_again(cast: Cast) -> None:
    request = approved_email(cast)
    edited = edit(cast, request, payload=OTHER)
    assert (edited.status, edited.approved_at, edited.due_at) == (Status.PENDING, None, None)
    with cast.scope():
        gates = list(RequestGate.objects.filter(request=request).order_by("revision"))
    assert [(gate.revision, gate.state) for gate in gates] == [(1, "superseded"), (2, "open")]


def test_an_edit_of_the_time_alone_does_too(cast: Cast) -> None:
    edited = edit(cast, approved_email(cast), scheduled_for=NOON)
    assert (edited.status, edited.scheduled_for) == (Status.PENDING, NOON)


def test_what_the_edit_leaves_out_stays(cast: Cast) -> None:
    request = propose_email(cast, scheduled_for=NOON, expires_at=NOON + timedelta(days=1))
    edited = edit(cast, request, expires_at=None)
    assert (edited.scheduled_for, edited.expires_at) == (NOON, None)
    with cast.scope():
        assert edited.payload["subject"] == PAYLOAD["subject"]


def test_the_editor_can_no_longer_approve(cast: Cast) -> None:
    edited = edit(cast, propose_email(cast), payload=OTHER, actor=cast.rosa)
    with pytest.raises(NotPermitted):
        decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=edited.id, digest=edited.digest)


def test_decisions_on_the_old_words_do_not_count(cast: Cast) -> None:
    request = approved_email(cast)
    edit(cast, request, payload=OTHER)
    again = edit(cast, request, payload=PAYLOAD)
    assert again.status == Status.PENDING
    with cast.scope():
        assert Decision.objects.filter(request=request).count() == 1


@pytest.mark.parametrize(
    ("column", "value"), [("to", "mallory@example.org"), ("scheduled_for", NOON), ("expires_at", NOON)]
)
def test_an_edit_takes_over_nothing_that_was_changed_behind_us(cast: Cast, column: str, value: Any) -> None:
    request = propose_email(cast)
    put(cast, request, **{column: value})
    edited = edit(cast, request, payload=OTHER)
    with cast.scope():
        first, second = Revision.objects.filter(request=request)
        changes = revision_diff(before=first, after=second)
    assert [change["field"] for change in changes] == ["payload.subject"]
    assert getattr(edited, column) == getattr(request, column)
    assert alerts(cast) == ["seal_mismatch"]


def test_an_edit_of_words_that_were_changed_behind_us_tells_a_person(cast: Cast) -> None:
    request = propose_email(cast)
    with cast.scope():
        document = Revision.objects.get(request=request).document.replace("Dear Alice", "Dear fool")
        Revision.objects.filter(request=request).update(document=document)
    edited = edit(cast, request, expires_at=NOON)
    assert (edited.payload["text"].split(",")[0], edited.status) == ("Dear fool", Status.PENDING)
    assert alerts(cast) == ["seal_mismatch"]


def test_an_edit_that_finds_all_as_it_was_frozen_raises_no_alert(cast: Cast) -> None:
    request = propose_email(cast, scheduled_for=NOON, expires_at=NOON + timedelta(days=1))
    edit(cast, edit(cast, request, payload=OTHER), expires_at=None)
    assert alerts(cast) == []


def test_an_edit_answers_a_request_for_changes(cast: Cast) -> None:
    request = propose_email(cast)
    decisions.request_changes(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, reason="Shorter.")
    assert edit(cast, request, payload=OTHER).status == Status.PENDING


def test_two_moves_are_on_record(cast: Cast) -> None:
    request = propose_email(cast)
    edit(cast, request, payload=OTHER)
    entries = AuditEntry.objects.filter(subject_id=request.id).order_by("id")
    assert [entry.action for entry in entries][-2:] == ["request.edited", "request.gated"]
    assert len({entry.correlation for entry in list(entries)[-2:]}) == 1


def test_an_attachment_is_kept_by_naming_it(cast: Cast, account: ProviderAccount) -> None:
    request = propose_email(cast, payload={**PAYLOAD, "attachments": [ATTACHMENT]})
    with cast.scope():
        kept = request.payload["attachments"]
        before = request.document["wire"]
    edited = edit(cast, request, payload={**OTHER, "attachments": kept})
    with cast.scope():
        assert edited.payload["attachments"] == kept
        assert edited.document["wire"][1] == before[1]


def test_an_attachment_of_another_request_cannot_be_named(cast: Cast) -> None:
    theirs = propose_email(cast, payload={**PAYLOAD, "attachments": [ATTACHMENT]})
    with cast.scope():
        kept = theirs.payload["attachments"]
    with pytest.raises(InvalidInput) as refused:
        edit(cast, propose_email(cast), payload={**OTHER, "attachments": kept})
    assert all(field.startswith("payload.attachments.0") for field in refused.value.fields)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"payload": {**PAYLOAD, "subject": ""}}, "payload.subject"),
        ({"payload": None}, "payload"),
        ({"scheduled_for": datetime(2027, 1, 1)}, "scheduled_for"),  # noqa: DTZ001
        ({"scheduled_for": NOON, "expires_at": NOON}, "expires_at"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changed(cast: Cast, changes: dict[str, Any], field: str) -> None:
    request = approved_email(cast)
    with pytest.raises(InvalidInput) as refused:
        edit(cast, request, **changes)
    assert list(refused.value.fields) == [field]
    with cast.scope():
        after = ExecutionRequest.objects.get(pk=request.pk)
        assert (after.status, after.revision, Revision.objects.count()) == (Status.APPROVED, 1, 1)


@pytest.mark.parametrize("status", [status for status in Status if status not in EDITABLE])
def test_what_is_under_way_or_settled_is_not_edited(cast: Cast, status: Status) -> None:
    request = propose_email(cast)
    with cast.scope():
        ExecutionRequest.objects.update(status=status, chunk=request.id if status == Status.DISPATCHING else None)
    with pytest.raises(Conflict):
        edit(cast, request, payload=OTHER)


@pytest.mark.parametrize("name", ["omar", "rosa", "ada", "crm", "writer"])
def test_who_may_edit(cast: Cast, name: str) -> None:
    assert edit(cast, propose_email(cast), payload=OTHER, actor=getattr(cast, name)).revision == 2


def test_who_may_not(cast: Cast, other: OtherCast) -> None:
    request = propose_email(cast)
    for actor in (cast.vic, other.otto):
        with pytest.raises(NotPermitted):
            edit(cast, request, payload=OTHER, actor=actor)
    with pytest.raises(NotFound):
        edit_request(workspace=other.workspace, actor=other.olga, request_id=request.id, payload=OTHER)


# Sealing the same words again.


def test_sealing_again_takes_the_present_mode(cast: Cast) -> None:
    request = approved_email(cast)
    set_setting(key="mode", value="dry_run", workspace=cast.workspace, actor=cast.omar)
    again = reseal(workspace=cast.workspace, actor=cast.ada, request_id=request.id)
    assert (again.mode, again.status, again.revision) == ("dry_run", Status.PENDING, 2)
    with cast.scope():
        assert (again.document["mode"], again.payload["subject"]) == ("dry_run", PAYLOAD["subject"])


def test_sealing_again_leaves_a_stopped_account(cast: Cast, account: ProviderAccount) -> None:
    request = approved_email(cast)
    stop_account(workspace=cast.workspace, actor=cast.rosa, account_id=account.id, reason="A test.")
    again = reseal(workspace=cast.workspace, actor=cast.ada, request_id=request.id)
    assert (request.account_id, again.account_id) == (account.id, None)


# By a patch.


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        # RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_merged_as_the_rfc_says(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged


def test_a_patch_changes_what_it_names(cast: Cast) -> None:
    request = propose_email(cast, payload={**PAYLOAD, "reply_to": "desk@example.org"})
    edited = patch_request(
        workspace=cast.workspace,
        actor=cast.ada,
        request_id=request.id,
        payload={"subject": "Another", "reply_to": None},
        digest=request.digest,
    )
    with cast.scope():
        assert edited.payload == {"subject": "Another", "text": PAYLOAD["text"]}


def test_a_patch_of_what_changed_since_is_refused(cast: Cast) -> None:
    request = propose_email(cast)
    edit(cast, request, payload=OTHER)
    with pytest.raises(StaleApproval) as stale:
        patch_request(
            workspace=cast.workspace,
            actor=cast.ada,
            request_id=request.id,
            payload={"text": "Hello"},
            digest=request.digest,
        )
    assert [change["field"] for change in stale.value.extra["diff"]] == ["payload.subject"]


def test_a_patch_that_changes_nothing_is_refused(cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        patch_request(workspace=cast.workspace, actor=cast.ada, request_id=propose_email(cast).id)
