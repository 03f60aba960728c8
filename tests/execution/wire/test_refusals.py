"""Nothing that is put into a mail gets out of its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.wire import Sender, build_email, message_id_for, wire_address
from tests.execution.wire.reading import MESSAGE_ID, built, check_wire, mailboxes, parsed
from workspaces.errors import InvalidInput

BREAKS = ["\r\nBcc: evil@example.net", "\nX: y", "\rX: y", "a\0b", "a\x0bb", "a\x85b", "a\u2028b", "\x1b[1m", "\x7f"]


@pytest.mark.parametrize("bad", BREAKS)
@pytest.mark.parametrize(
    "where",
    [
        lambda bad: built({"subject": bad}),
        lambda bad: built(sender=Sender(name=bad, address="rosa@example.org")),
        lambda bad: built(sender=Sender(address=f"rosa@example.org{bad}")),
        lambda bad: built(to=[f"office@senate.example{bad}"]),
        lambda bad: built(to=[f"A{bad}B <office@senate.example>"]),
        lambda bad: built({"cc": [f"o{bad}@senate.example"]}),
        lambda bad: built({"reply_to": f"o@senate.example{bad}"}),
        lambda bad: built(message_id=f"<a{bad}@example.org>"),
        lambda bad: built({"headers": {"X-One": f"a{bad}b"}}),
        lambda bad: built({"headers": {f"X-One{bad}": "b"}}),
        lambda bad: built(headers={"X-One": f"a{bad}b"}),
        lambda bad: built(unsubscribe_url=f"https://example.org/u{bad}"),
        lambda bad: built(unsubscribe_mailto=f"u@example.org{bad}"),
        lambda bad: built({"attachments": [file(filename=f"a{bad}.pdf")]}),
        lambda bad: built({"attachments": [file(content_type=f"a/b{bad}")]}),
    ],
)
def test_it_refuses_to_break_out_of_a_header(where: Any, bad: str) -> None:
    with pytest.raises(InvalidInput):
        where(bad)


def file(**changed: str) -> dict[str, str]:
    return {"filename": "a", "content_type": "a/b", "content_base64": "QQ=="} | changed


ANY = st.text(max_size=80)


@given(subject=ANY, name=ANY, to=ANY, header=ANY, filename=ANY)
def test_it_gives_exactly_its_own_headers_or_refuses(
    subject: str, name: str, to: str, header: str, filename: str
) -> None:
    try:
        content = built(
            {"subject": subject, "headers": {"X-One": header}, "attachments": [file(filename=filename)]},
            sender=Sender(name=name, address="rosa@example.org"),
            to=[f"{to} <office@senate.example>"],
        )
    except InvalidInput:
        return
    check_wire(content)
    message = parsed(content)
    names = ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "X-One", "Content-Type"]
    assert message.keys() == names
    assert [address for _, address in mailboxes(message, "To")] == ["office@senate.example"]


def test_it_does_not_let_a_header_of_the_payload_replace_one_of_its_own() -> None:
    sneaky = {"From": "x@example.net", "bcc": "x@example.net", "content-type": "text/html", "X-RUN": "1"}
    message = parsed(built({"headers": sneaky}, headers={"X-Run": "2"}))
    assert message.get_all("from") == ["Rosa Díaz <rosa@example.org>"]
    assert message["bcc"] is None
    assert message.get_content_type() == "text/plain"
    assert message.get_all("x-run") == ["2"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "no-at.example",
        "a b@example.net",
        "a@b@example.net",
        "a,b@example.net",
        "<a@example.net>",
        '"a b"@example.net',
        "a@[127.0.0.1]",
        "a@exa mple.net",
        "=?utf-8?q?x?=@example.net",
        "a@" + "x" * 300,
        "a@-bücher-.example",
        "a\ud800@example.net",
    ],
)
def test_it_refuses_what_is_no_plain_address(address: str) -> None:
    with pytest.raises(InvalidInput):
        wire_address(address)


def test_it_writes_an_international_domain_in_ascii() -> None:
    assert wire_address("Ann@Bücher.example") == "Ann@xn--bcher-kva.example"


def test_it_keeps_an_international_local_part_as_utf8() -> None:
    content = built(to=["jürgen@bücher.example"])
    assert "To: jürgen@xn--bcher-kva.example\r\n".encode() in content


def test_it_refuses_a_mail_to_nobody() -> None:
    with pytest.raises(InvalidInput):
        built(to=[])


def test_it_refuses_an_attachment_whose_content_it_was_not_given() -> None:
    with pytest.raises(InvalidInput, match="missing") as refused:
        built({"attachments": [{"filename": "a", "content_type": "a/b", "sha256": "c" * 64, "size": 1}]})
    assert "payload.attachments.0" in refused.value.fields


def test_it_refuses_half_of_a_character_in_a_body() -> None:
    with pytest.raises(InvalidInput):
        built({"text": "\ud800"})


def test_no_body_can_hold_its_boundary() -> None:
    first = built({"html": "<p>hello</p>"})
    boundary = parsed(first).get_boundary()
    content = built({"text": f"--{boundary}\n--{boundary}--\n", "html": f"\n--{boundary}--\n"})
    message = parsed(content)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_message_id_is_made_of_the_request_and_the_senders_domain() -> None:
    message_id = message_id_for(request_id="0190a1b2-0000-7000-8000-000000000001", domain="bücher.example")
    assert message_id == "<0190a1b2-0000-7000-8000-000000000001@xn--bcher-kva.example>"
    assert parsed(built(message_id=message_id))["message-id"] == message_id


def test_the_parts_of_a_mail_without_attachments_are_one() -> None:
    parts = build_email(
        payload={"subject": "a", "text": "b"}, sender=Sender(address="a@b.example"), to=["c@d.example"],
        message_id=MESSAGE_ID,
    )  # fmt: skip
    assert len(parts) == 1
