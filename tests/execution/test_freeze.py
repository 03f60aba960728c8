"""The freeze: one document says what is done, and its digest stands for every part of it."""

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.channels import registry
from execution.models import ExecutionRequest, Part, ProviderAccount, Revision
from execution.sending import SenderIdentity
from execution.services.diff import document_diff
from execution.services.freeze import Frozen, flatten, freeze, hashes_by_field
from tests.builders import Cast
from tests.execution.arranged import PAYLOAD, propose_email
from workspaces.canonical import canonical_json, sha256_hex
from workspaces.models import Workspace

REQUEST = UUID("01890000-0000-7000-8000-000000000001")
CONTACT = UUID("01890000-0000-7000-8000-000000000002")
WORKSPACE = Workspace(id=UUID("01890000-0000-7000-8000-000000000003"), slug="x", postal_address="1 Main Street")
SENDER = SenderIdentity(
    account="01890000-0000-7000-8000-000000000004",
    provider="smtp",
    host="mail.example.org",
    port=587,
    user="office",
    security="starttls",
    from_email="office@example.org",
    from_name="The office",
)
ATTACHMENT = {
    "filename": "plan.txt",
    "content_type": "text/plain",
    "content_base64": base64.b64encode(b"the plan").decode(),
}
FULL: dict[str, Any] = {
    "subject": "The hearing",
    "text": "Dear Alice,\n",
    "html": "<p>Dear Alice,</p>",
    "reply_to": "desk@example.org",
    "cc": ["carol@example.net"],
    "bcc": ["dora@example.net"],
    "headers": {"X-Case": "7"},
    "attachments": [ATTACHMENT],
}
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def same_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nonce makes two freezes of the same words differ; here only the words may."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * (2 * size))


def frozen(**changed: Any) -> Frozen:
    spec = changed.get("spec", registry.get("email"))
    words = changed.pop("payload", {})
    payload = spec.validate({**FULL, **words} if spec.name == "email" else words)
    arguments: dict[str, Any] = {
        "workspace": WORKSPACE,
        "request_id": REQUEST,
        "spec": spec,
        "payload": payload,
        "to": "alice@example.org",
        "contact_id": CONTACT,
        "sender": SENDER,
        "mode": "live",
        "scheduled_for": None,
        "expires_at": None,
        "new_address": False,
        **changed,
    }
    return freeze(**arguments)


def other_sender(**changed: Any) -> SenderIdentity:
    return SenderIdentity(**{**SENDER.as_document(), **changed})


SEALED: list[tuple[str, dict[str, Any]]] = [
    ("to", {"to": "bob@example.org"}),
    ("contact", {"contact_id": None}),
    ("mode", {"mode": "dry_run"}),
    ("new_address", {"new_address": True}),
    ("request", {"request_id": UUID("01890000-0000-7000-8000-000000000009")}),
    ("workspace", {"workspace": Workspace(id=CONTACT, slug="y", postal_address="1 Main Street")}),
    ("window.scheduled_for", {"scheduled_for": NOON}),
    ("window.expires_at", {"expires_at": NOON}),
    ("payload.subject", {"payload": {"subject": "The meeting"}}),
    ("payload.text", {"payload": {"text": "Dear Alice;\n"}}),
    ("payload.html", {"payload": {"html": "<p>Dear Alice!</p>"}}),
    ("payload.reply_to", {"payload": {"reply_to": "mallory@example.org"}}),
    ("payload.cc", {"payload": {"cc": ["carol@example.net", "eve@example.net"]}}),
    ("payload.bcc", {"payload": {"bcc": ["eve@example.net"]}}),
    ("payload.headers", {"payload": {"headers": {"X-Case": "8"}}}),
    ("payload.attachments", {"payload": {"attachments": [{**ATTACHMENT, "filename": "plan2.txt"}]}}),
    (
        "payload.attachments",
        {"payload": {"attachments": [{**ATTACHMENT, "content_base64": base64.b64encode(b"the Plan").decode()}]}},
    ),
    ("sender.account", {"sender": other_sender(account=None)}),
    ("sender.provider", {"sender": other_sender(provider="resend")}),
    ("sender.host", {"sender": other_sender(host="mail.example.net")}),
    ("sender.port", {"sender": other_sender(port=25)}),
    ("sender.user", {"sender": other_sender(user="mallory")}),
    ("sender.security", {"sender": other_sender(security="none")}),
    ("sender.from_email", {"sender": other_sender(from_email="mallory@example.org")}),
    ("sender.from_name", {"sender": other_sender(from_name="Mallory")}),
]


@pytest.mark.parametrize(("field", "changed"), SEALED, ids=[field for field, _ in SEALED])
def test_each_sealed_field_changes_the_digest_and_its_own_hash(
    same_nonce: None, field: str, changed: dict[str, Any]
) -> None:
    one, two = frozen(), frozen(**changed)
    assert one.digest != two.digest
    differ = {name for name in one.field_hashes if one.field_hashes[name] != two.field_hashes.get(name)}
    # What is derived from it changes with it: the bytes, and for the id of a request its Message-ID.
    assert differ - {"wire", "message_id"} == {field}


def test_the_same_words_freeze_to_the_same_document(same_nonce: None) -> None:
    assert frozen().text == frozen().text


def test_without_that_no_two_are_alike() -> None:
    assert frozen().digest != frozen().digest


def test_the_digest_is_that_of_the_text() -> None:
    one = frozen()
    assert one.digest == sha256_hex(one.text.encode()) == sha256_hex(canonical_json(one.document))
    assert json.loads(one.text) == one.document


def test_the_document_names_every_byte_of_the_mail(same_nonce: None) -> None:
    one = frozen()
    assert [sha256_hex(one.parts[digest]) for digest in one.document["wire"]] == one.document["wire"]
    mail = b"".join(one.parts[digest] for digest in one.document["wire"])
    for word in (b"The hearing", b"carol@example.net", b"X-Case: 7", b"1 Main Street", b"List-Unsubscribe-Post"):
        assert word in mail
    assert b"dora@example.net" not in mail


def test_the_postal_address_is_under_the_seal(same_nonce: None) -> None:
    elsewhere = Workspace(id=WORKSPACE.id, slug="x", postal_address="2 Main Street")
    assert frozen().digest != frozen(workspace=elsewhere).digest


def test_the_content_of_attachments_is_kept_apart(same_nonce: None) -> None:
    one = frozen()
    (attachment,) = one.document["payload"]["attachments"]
    assert "content_base64" not in attachment
    assert one.parts[attachment["sha256"]] == b"the plan"


def test_without_an_account_there_are_no_bytes_yet() -> None:
    one = frozen(sender=None)
    assert (one.document["sender"], one.document["wire"], set(one.parts)) == (None, [], {sha256_hex(b"the plan")})


def test_a_channel_without_bytes_of_its_own_seals_its_payload(same_nonce: None) -> None:
    call = {"url": "https://example.org/", "method": "POST", "json": {"a": 1}}
    one = frozen(spec=registry.get("webhook"), payload=call)
    two = frozen(spec=registry.get("webhook"), payload={**call, "json": {"a": 2}})
    assert one.document["wire"] == []
    assert one.digest != two.digest


VISIBLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf", "Co", "Cn"))
WORDS = st.text(VISIBLE, max_size=30)


@given(subject=WORDS.filter(str.strip), other=WORDS.filter(str.strip))
def test_two_subjects_have_one_digest_only_where_they_are_one(subject: str, other: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_hex", lambda size: "0" * (2 * size))
        one, two = frozen(payload={"subject": subject}), frozen(payload={"subject": other})
    same = one.document["payload"]["subject"] == two.document["payload"]["subject"]
    assert (one.digest == two.digest) is same


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(document=st.dictionaries(NAMES, JSON, max_size=4))
def test_every_field_has_a_hash_and_no_field_has_two(document: dict[str, Any]) -> None:
    assert set(hashes_by_field(document)) == set(flatten(document))


@given(before=st.dictionaries(st.sampled_from("abc"), JSON), after=st.dictionaries(st.sampled_from("abc"), JSON))
def test_the_difference_names_what_differs_and_nothing_else(before: dict[str, Any], after: dict[str, Any]) -> None:
    told = {change["field"] for change in document_diff(before=before, after=after)}
    was, now = flatten(before), flatten(after)
    assert told == {field for field in {*was, *now} if was.get(field) != now.get(field)}


# In the database.


def test_the_revision_keeps_the_text_byte_for_byte(cast: Cast, account: ProviderAccount) -> None:
    request = propose_email(cast, payload={**PAYLOAD, "subject": "Grüße — 你好"})
    with cast.scope():
        revision = Revision.objects.get(request=request)
    assert (sha256_hex(revision.document.encode()), revision.digest) == (request.digest, request.digest)
    assert revision.field_hashes == hashes_by_field(json.loads(revision.document))


def test_bytes_are_kept_once_a_workspace(cast: Cast) -> None:
    payload = {**PAYLOAD, "attachments": [ATTACHMENT]}
    propose_email(cast, payload=payload)
    propose_email(cast, payload=payload)
    with cast.scope():
        kept = Part.objects.filter(sha256=sha256_hex(b"the plan"))
        assert [bytes(part.content) for part in kept] == [b"the plan"]


def test_what_changes_later_changes_nothing_that_was_frozen(cast: Cast, account: ProviderAccount) -> None:
    request = propose_email(cast)
    with cast.scope():
        before = bytes(Part.objects.get(sha256=request.document["wire"][0]).content)
        type(cast.alice).objects.filter(pk=cast.alice.pk).update(name="Alicia", email="alicia@example.org")
        type(cast.workspace).objects.update(postal_address="elsewhere")
        again = ExecutionRequest.objects.get(pk=request.pk)
        assert (again.digest, again.to) == (request.digest, "alice@example.org")
        assert bytes(Part.objects.get(sha256=again.document["wire"][0]).content) == before
