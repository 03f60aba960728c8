"""A mail of ours says the same as one that Django's EmailMultiAlternatives makes of the same payload."""

from base64 import b64encode
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from tests.execution.wire.reading import MESSAGE_ID, ROSA, body, built, parsed

PAYLOADS: list[dict[str, Any]] = [
    {"subject": "A hearing", "text": "Dear Senator,\n\nhello.\n"},
    {"subject": "Énergie", "text": "Überall.\n" * 40, "html": "<p>Überall &amp; 🎉</p>\n"},
    {"subject": "word " * 60, "text": "x" * 3_000, "html": "<p>" + "y" * 3_000, "cc": ["b@c.example", "d@e.example"]},
    {"subject": "日本語", "text": "日本語\n" * 30, "reply_to": "reply@example.org", "headers": {"X-Topic": "grids"}},
    {"subject": "File", "text": "See below.\n", "files": [("bill.pdf", b"%PDF-1.7\0\xff" * 50, "application/pdf")]},
    {
        "subject": "Files",
        "text": "a\n",
        "html": "<p>b",
        "files": [("a.csv", b"a,b", "text/csv"), ("ü.bin", b"", "a/b")],
    },
]


def by_django(payload: dict[str, Any]) -> bytes:
    message = EmailMultiAlternatives(
        subject=payload["subject"].strip(),
        body=payload["text"],
        from_email=f"{ROSA.name} <{ROSA.address}>",
        to=["office@senate.example"],
        cc=payload.get("cc"),
        reply_to=[payload["reply_to"]] if "reply_to" in payload else None,
        headers={"Message-ID": MESSAGE_ID, **payload.get("headers", {})},
    )
    if "html" in payload:
        message.attach_alternative(payload["html"], "text/html")
    for name, content, content_type in payload.get("files", ()):
        message.attach(name, content, content_type)
    made: Any = message.message()
    return bytes(made.as_bytes(linesep="\r\n"))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload["subject"][:10])
def test_it_says_what_django_says(payload: dict[str, Any]) -> None:
    files = [
        {"filename": name, "content_type": kind, "content_base64": b64encode(content).decode()}
        for name, content, kind in payload.get("files", ())
    ]
    given = {name: value for name, value in payload.items() if name != "files"}
    ours = parsed(built(given | ({"attachments": files} if files else {})))
    theirs = parsed(by_django(payload))
    for field in ("From", "To", "Cc", "Reply-To", "Subject", "Message-ID", "MIME-Version", "X-Topic"):
        assert ours[field] == theirs[field], field
    assert [part.get_content_type() for part in ours.walk()] == [part.get_content_type() for part in theirs.walk()]
    assert body(ours, "plain") == body(theirs, "plain")
    if "html" in payload:
        assert body(ours, "html") == body(theirs, "html")
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in ours.iter_attachments()] == [
        (part.get_filename(), part.get_payload(decode=True)) for part in theirs.iter_attachments()
    ]
