"""The payload of each channel, as INTERFACES words it: what is taken, what is refused and under which field."""

from base64 import b64encode
from typing import Any

import pytest

from execution.channels import registry
from workspaces.canonical import canonical_json
from workspaces.errors import InvalidInput

GOOD: dict[str, dict[str, Any]] = {
    "email": {
        "subject": "A hearing",
        "text": "Dear Senator,\n",
        "html": "<p>Dear Senator,</p>",
        "reply_to": "Rosa <rosa@example.org>",
        "cc": ["a@example.net"],
        "bcc": ["b@example.net"],
        "headers": {"X-Topic": "grids", "In-Reply-To": "<a@b.example>"},
        "attachments": [{"filename": "bill.pdf", "content_type": "application/pdf", "content_base64": "QUJD"}],
    },
    "sms": {"text": "Hearing on Tuesday", "media_urls": ["https://example.org/map.png"]},
    "voice": {"script": "Good morning", "mode": "say"},
    "social": {"network": "bluesky", "text": "News", "link": "https://example.org", "media_urls": []},
    "press": {"headline": "News", "body": "Today ...", "dateline": "Springfield", "boilerplate": "About us"},
    "newsletter": {"subject": "March", "html": "<p>News</p>", "text": "News", "segment": "supporters"},
    "cms": {
        "action": "update",
        "kind": "post",
        "resource": "17",
        "title": "A page",
        "content": "<p>x</p>",
        "status": "publish",
        "fields": {"author": None, "tags": ["a"]},
        "structured_data": {"@type": "Article"},
    },
    "code": {
        "repository": "clean-grid/site",
        "branch": "copy/headline",
        "title": "New headline",
        "body": "",
        "files": [{"path": "docs/index.md", "content": "# Grid\n"}],
    },
    "seo": {"url": "https://example.org/a", "changes": {"title": "T", "description": "D", "alt_text": "A"}},
    "ads": {
        "platform": "google",
        "action": "change",
        "resource": "campaign/1",
        "change": {"field": "cpc_bid", "from": 1.5, "to": 1},
    },
    "crm": {"object": "contact", "action": "update", "id": "7", "properties": {"stage": "won", "owner": None}},
    "calendar": {
        "title": "Call",
        "start": "2026-03-02T09:30:00+01:00",
        "end": "2026-03-02T10:00:00+01:00",
        "attendees": ["a@example.net"],
    },
    "files": {"name": "bill.pdf", "content_type": "application/pdf", "content_base64": "QUJD"},
    "webhook": {"url": "https://hooks.example/in?x=1", "method": "POST", "json": {"a": [1, None]}},
    "mcp": {"server": "crm", "tool": "create_deal", "arguments": {"amount": 1, "note": None}},
}


def file(**changed: Any) -> dict[str, Any]:
    """A payload's attachments: one good file with some fields changed."""
    good = {"filename": "a", "content_type": "a/b", "content_base64": ""}
    return {"attachments": [{name: value for name, value in (good | changed).items() if value is not ...}]}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("email", {"subject": "a\r\nBcc: x@example.net"}, "payload.subject"),
    ("email", {"subject": "a\0b"}, "payload.subject"),
    ("email", {"subject": ""}, "payload.subject"),
    ("email", {"subject": "x" * 501}, "payload.subject"),
    ("email", {"subject": 7}, "payload.subject"),
    ("email", {"text": " \n"}, "payload.text"),
    ("email", {"text": "x" * 200_001}, "payload.text"),
    ("email", {"text": "\ud800"}, "payload.text"),
    ("email", {"text": ...}, "payload.text"),
    ("email", {"html": "x" * 500_001}, "payload.html"),
    ("email", {"reply_to": "no address"}, "payload.reply_to"),
    ("email", {"reply_to": "A\nB <a@example.net>"}, "payload.reply_to"),
    ("email", {"cc": ["a@example.net", "b@@example.net"]}, "payload.cc.1"),
    ("email", {"cc": ["a@[127.0.0.1]"]}, "payload.cc.0"),
    ("email", {"bcc": ["a@example.net\r\nSubject: x"]}, "payload.bcc.0"),
    ("email", {"bcc": [f"a{n}@example.net" for n in range(51)]}, "payload.bcc"),
    ("email", {"to": "other@example.net"}, "payload.to"),
    ("email", {"headers": {"X-A": "b\r\nBcc: x@example.net"}}, "payload.headers"),
    ("email", {"headers": {"X-A: b\r\nBcc": "x"}}, "payload.headers"),
    ("email", {"headers": {"X-A": "1", "x-a": "2"}}, "payload.headers"),
    ("email", {"headers": {"In-Reply-To": "no id"}}, "payload.headers"),
    ("email", {"headers": {f"X-{n}": "1" for n in range(21)}}, "payload.headers"),
    ("email", file(content_base64=...), "payload.attachments.0"),
    ("email", file(filename="../a"), "payload.attachments.0.filename"),
    ("email", file(filename="a\\b"), "payload.attachments.0.filename"),
    ("email", file(filename="invoice\u202efdp.exe"), "payload.attachments.0.filename"),
    ("email", file(content_type="a"), "payload.attachments.0.content_type"),
    ("email", file(content_type="message/rfc822"), "payload.attachments.0.content_type"),
    ("email", file(content_base64="%%"), "payload.attachments.0.content_base64"),
    ("email", file(content_base64=..., sha256="a" * 64, size=1), "payload.attachments.0"),
    ("sms", {"text": "x" * 1_601}, "payload.text"),
    ("sms", {"media_urls": ["ftp://example.org/x"]}, "payload.media_urls.0"),
    ("voice", {"mode": "shout"}, "payload.mode"),
    ("social", {"network": "Not A Network"}, "payload.network"),
    ("social", {"link": "javascript:alert(1)"}, "payload.link"),
    ("press", {"headline": ...}, "payload.headline"),
    ("newsletter", {"segment": " "}, "payload.segment"),
    ("cms", {"resource": None}, "payload"),
    ("cms", {"action": "delete"}, "payload.action"),
    ("code", {"repository": "no-owner"}, "payload.repository"),
    ("code", {"branch": "a..b"}, "payload.branch"),
    ("code", {"branch": "-rf"}, "payload.branch"),
    ("code", {"files": []}, "payload.files"),
    ("code", {"files": [{"path": "../x", "content": ""}]}, "payload.files.0.path"),
    ("code", {"files": [{"path": "/etc/x", "content": ""}]}, "payload.files.0.path"),
    ("code", {"files": [{"path": "a/.GIT/config", "content": ""}]}, "payload.files.0.path"),
    ("code", {"files": [{"path": "a", "content": ""}, {"path": "a", "content": "b"}]}, "payload"),
    ("seo", {"changes": {}}, "payload.changes"),
    ("seo", {"changes": {"body": "x"}}, "payload.changes.body"),
    ("ads", {"change": None}, "payload"),
    ("ads", {"change": {"field": "a", "from": {}, "to": 1}}, "payload.change.from"),
    ("ads", {"campaign": {"name": "x"}}, "payload"),
    ("ads", {"change": {"field": "a", "from": 1, "to": float("nan")}}, "payload.change.to"),
    ("crm", {"id": None}, "payload"),
    ("calendar", {"start": "2026-03-02T09:30:00"}, "payload.start"),
    ("calendar", {"end": "2026-03-02T09:30:00+01:00"}, "payload"),
    ("calendar", {"attendees": ["nobody"]}, "payload.attendees.0"),
    ("files", {"name": "a/b"}, "payload.name"),
    ("files", {"content_base64": None}, "payload"),
    ("webhook", {"url": "https://user:secret@hooks.example"}, "payload.url"),
    ("webhook", {"url": "file:///etc/passwd"}, "payload.url"),
    ("webhook", {"url": "https:///x"}, "payload.url"),
    ("webhook", {"url": "https://hooks.example/\r\nX: y"}, "payload.url"),
    ("webhook", {"url": "https://hooks.example:x/"}, "payload.url"),
    ("webhook", {"url": "https://good.example\\@evil.example/"}, "payload.url"),
    ("webhook", {"method": "TRACE"}, "payload.method"),
    ("webhook", {"method": "GET"}, "payload"),
    ("webhook", {"json": {"big": 2**70}}, "payload.json.big"),
    ("mcp", {"server": "https://x y"}, "payload.server"),
    ("mcp", {"arguments": []}, "payload.arguments"),
]  # fmt: skip


def payload(channel: str, **changed: Any) -> dict[str, Any]:
    """A good payload with some fields changed; `...` takes one away."""
    return {name: value for name, value in (GOOD[channel] | changed).items() if value is not ...}


def test_every_channel_has_an_example_here() -> None:
    assert set(GOOD) <= set(registry.names())
    assert len(GOOD) == 15


@pytest.mark.parametrize("channel", GOOD)
def test_it_takes_the_payload_as_documented_and_changes_nothing(channel: str) -> None:
    spec = registry.get(channel)
    validated = spec.validate(GOOD[channel])
    assert validated == GOOD[channel]
    assert spec.validate(validated) == validated
    assert canonical_json(validated)


@pytest.mark.parametrize("channel", GOOD)
def test_it_sums_every_payload_up_in_a_line(channel: str) -> None:
    spec = registry.get(channel)
    summary = spec.summary(spec.validate(GOOD[channel]))
    assert 5 < len(summary) < 200
    assert "\n" not in summary


@pytest.mark.parametrize("channel", GOOD)
def test_it_refuses_a_field_that_it_does_not_know(channel: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.get(channel).validate(payload(channel, approved=True))
    assert refused.value.fields == {"payload.approved": "is not a field of this channel"}


@pytest.mark.parametrize(("channel", "changed", "field"), BAD)
def test_it_refuses_and_names_the_field(channel: str, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.get(channel).validate(payload(channel, **changed))
    assert list(refused.value.fields) == [field]


HEADERS_OF_OTHERS = [
    *["From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject", "Message-ID", "Return-Path", "Received"],
    *["DKIM-Signature", "ARC-Seal", "Authentication-Results", "MIME-Version", "Content-Type", "Auto-Submitted"],
    *["Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "Resent-To", "Resent-Bcc"],
    *["Errors-To", "Disposition-Notification-To", "X-SMTPAPI", "X-MC-BccAddress", "X-MSYS-API", "X-Forwarded-To"],
    *["X-Mailgun-Recipient-Variables", "X-SES-CONFIGURATION-SET", "X-Countersign-Request"],
]


@pytest.mark.parametrize("header", [*HEADERS_OF_OTHERS, *map(str.lower, HEADERS_OF_OTHERS)])
def test_it_refuses_a_header_that_is_not_the_proposers(header: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be set by a proposer"):
        registry.get("email").validate(payload("email", headers={header: "x@example.net"}))


@pytest.mark.parametrize("value", [None, [], "text", 7, {1: "a"}])
def test_it_refuses_what_is_no_json_object(value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.get("mcp").validate(value)
    assert list(refused.value.fields) == ["payload"]


def test_it_refuses_bottomless_nesting() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="nested deeper"):
        registry.get("mcp").validate(payload("mcp", arguments=deep))


def test_it_refuses_more_than_fits() -> None:
    with pytest.raises(InvalidInput, match="larger than"):
        registry.get("mcp").validate(payload("mcp", arguments={"a": ["x" * 1_000] * 300}))


def test_it_refuses_attachments_of_more_than_ten_megabytes_together() -> None:
    file = {"filename": "a", "content_type": "a/b", "content_base64": b64encode(bytes(3_500_000)).decode()}
    with pytest.raises(InvalidInput, match="more than 10 MB"):
        registry.get("email").validate(payload("email", attachments=[file] * 3))


def test_it_tells_every_complaint_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.get("voice").validate({"mode": "shout"})
    assert refused.value.fields == {"payload.script": "is required", "payload.mode": "must be 'agent' or 'say'"}


def test_it_says_that_an_address_must_not_hold_a_password() -> None:
    with pytest.raises(InvalidInput, match="must not hold a user name or a password"):
        registry.get("webhook").validate(payload("webhook", url="https://user:secret@hooks.example"))


def test_it_writes_addresses_in_their_normal_form() -> None:
    validated = registry.get("email").validate(
        payload("email", subject=" Hi ", reply_to=" Ann  Lee <Ann@BÜCHER.example> ", cc="B@Example.NET", html="  ")
    )
    assert validated["subject"] == "Hi"
    assert validated["reply_to"] == "Ann  Lee <Ann@xn--bcher-kva.example>"
    assert validated["cc"] == ["B@example.net"]
    assert "html" not in validated
