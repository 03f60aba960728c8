"""Contents are kept apart from payloads, and come back only to those who had them."""

import hashlib

import pytest

from execution.channels import registry
from execution.channels.attachments import detach
from workspaces.errors import InvalidInput

ABC = hashlib.sha256(b"ABC").hexdigest()
MAIL = {
    "subject": "A",
    "text": "B",
    "attachments": [
        {"filename": "a.txt", "content_type": "text/plain", "content_base64": "QUJD\r\n"},
        {"filename": "b.txt", "content_type": "text/plain", "content_base64": "QUJD"},
    ],
}


def test_it_replaces_contents_by_their_digest_and_keeps_each_once() -> None:
    payload, contents = detach(registry.get("email").validate(MAIL))
    assert contents == {ABC: b"ABC"}
    assert payload["attachments"] == [
        {"filename": "a.txt", "content_type": "text/plain", "sha256": ABC, "size": 3},
        {"filename": "b.txt", "content_type": "text/plain", "sha256": ABC, "size": 3},
    ]


def test_it_leaves_its_argument_alone() -> None:
    validated = registry.get("email").validate(MAIL)
    detach(validated)
    assert validated["attachments"][0]["content_base64"] == "QUJD"


def test_it_replaces_the_content_of_a_file() -> None:
    spec = registry.get("files")
    payload, contents = detach(spec.validate({"name": "a", "content_type": "a/b", "content_base64": "QUJD"}))
    assert payload == {"name": "a", "content_type": "a/b", "sha256": ABC, "size": 3}
    assert contents == {ABC: b"ABC"}


def test_an_edited_payload_may_refer_to_the_contents_it_had() -> None:
    spec = registry.get("email")
    stored, _ = detach(spec.validate(MAIL))
    again = spec.validate(stored | {"subject": "C"}, known_content={ABC})
    assert detach(again) == (stored | {"subject": "C"}, {})


def test_nobody_gets_at_a_content_by_its_digest_alone() -> None:
    spec = registry.get("email")
    stored, _ = detach(spec.validate(MAIL))
    with pytest.raises(InvalidInput, match="does not have"):
        spec.validate(stored)


def test_a_content_is_given_either_way_and_not_both() -> None:
    both = {"name": "a", "content_type": "a/b", "content_base64": "QUJD", "sha256": ABC, "size": 3}
    with pytest.raises(InvalidInput, match="not both"):
        registry.get("files").validate(both, known_content={ABC})
