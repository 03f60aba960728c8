"""Whatever is put into a mail is what its reader gets, and nothing else."""

import re
from email.header import decode_header
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.wire import Sender
from tests.execution.wire.reading import ROSA, body, built, check_wire, mailboxes, parsed

SUBJECTS = [
    "A hearing",
    "Énergie propre: réunion du 3 mars",
    "清洁能源听证会" * 12,
    "جلسة استماع حول الطاقة النظيفة",
    "🎉 " * 60,
    "👩‍👩‍👧‍👦🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f" * 10,
    "word " * 90 + "end",
    "one-word-" * 50,
    "x" * 2_000,
    "=?utf-8?q?not_encoded?=",
    "100% =?= ?= _underscored_",
    "two  spaces   three    four" * 5,
    'Re: [list] "quoted" <angle> (comment), semi; colon: back\\slash',
    "a",
    "ends in a very long word " + "é" * 400,
    " ".join("x" * n for n in range(1, 76)),
    "far" + " " * 300 + "apart" + " " * 75 + "x",
    "x" + " " * 3_000 + "y",
    "wide" + " " * 15 + "gaps" + (" " * 19 + "x") * 20,
]
TEXTS = [
    "Dear Senator,\n\nkind regards\n",
    "no line end",
    "\n\nlines before and after\n\n\n",
    "." * 3 + "\n.\n..\n.line\n",
    "a line of 3,000 " + "x" * 3_000,
    "Überall Öl\n" * 20,
    "日本語のメール。\n" * 50,
    "trailing spaces   \nand a tab\t\nend ",
    "From the start\n>From quoted\n",
    "=_ looks like a boundary\n--=_countersign\n",
    "\tform\x0cfeed \x0b and \x1b escape",
    "a\rb\r\nc\n",
    "soft\u00adhyphen \u2028 separator \u0085 next",
    "x" * 998 + "\n" + "y" * 999,
    "é" + " " * 200 + "\n",
    "=" * 500,
    "💥" * 1_000,
]
NAMES = [
    "",
    "Rosa",
    "Rosa Díaz",
    "Díaz, Rosa",
    'Rosa "Red" Diaz',
    "O'Neill & Sons, Inc.",
    "back\\slash",
    "山田太郎",
    "=?utf-8?q?x?=",
    "A" * 150,
    "two  spaces",
    "J. R. R. Tolkien",
    "Ω" * 120,
    "via @example.net",
]
FILENAMES = [
    "report.pdf",
    "bericht über alles.pdf",
    "日本語" * 30 + ".txt",
    "a" * 140 + ".pdf",
    'it\'s "quoted"; semi=colon.csv',
    "100%.txt",
    "x'y'z.txt",
    "👩‍👩‍👧.png",
]


def normal(text: str) -> str:
    """Line ends as a mail has them, without those at the end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_it_keeps_the_subject(subject: str) -> None:
    content = built({"subject": subject})
    check_wire(content)
    assert parsed(content)["subject"] == subject.strip()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_encoded_word_is_short_and_whole_by_itself(subject: str) -> None:
    words = re.findall(rb"=\?utf-8\?[bq]\?[^?\s]*\?=", built({"subject": subject}))
    assert all(len(word) <= 75 for word in words)
    for word in words:
        ((raw, charset),) = decode_header(word.decode())
        assert charset == "utf-8"
        raw.decode()


@pytest.mark.parametrize("text", TEXTS)
def test_it_keeps_the_text(text: str) -> None:
    content = built({"text": text})
    check_wire(content)
    assert body(parsed(content), "plain") == normal(text)


@pytest.mark.parametrize("text", TEXTS)
def test_it_keeps_text_and_html_side_by_side(text: str) -> None:
    content = built({"text": text, "html": f"<html><body><p>{text}</p></body></html>"})
    check_wire(content)
    message = parsed(content)
    assert message.get_content_type() == "multipart/alternative"
    assert body(message, "plain") == normal(text)
    assert body(message, "html") == normal(f"<html><body><p>{text}</p></body></html>")


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_senders_name(name: str) -> None:
    content = built(sender=Sender(name=name, address="rosa@example.org"))
    check_wire(content)
    assert mailboxes(parsed(content), "From") == [(name, "rosa@example.org")]


def test_it_keeps_every_recipient_in_order() -> None:
    to = [f'"Person, {number}" <person.number.{number}@department-{number}.example>' for number in range(40)]
    cc = [f"Müller {number} <m{number}@bücher.example>" for number in range(40)]
    content = built({"cc": cc}, to=to)
    check_wire(content)
    message = parsed(content)
    assert [a.display_name for a in message["to"].addresses] == [f"Person, {number}" for number in range(40)]
    assert [a.addr_spec for a in message["cc"].addresses] == [f"m{n}@xn--bcher-kva.example" for n in range(40)]
    assert [a.display_name for a in message["cc"].addresses] == [f"Müller {n}" for n in range(40)]
    assert max(map(len, content.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78


@pytest.mark.parametrize("filename", FILENAMES)
def test_it_keeps_an_attachment_and_its_name(filename: str) -> None:
    file = {"filename": filename, "content_type": "application/pdf", "content_base64": "AAEC/w=="}
    content = built({"attachments": [file]})
    check_wire(content)
    (part,) = parsed(content).iter_attachments()
    assert part.get_filename() == filename
    assert part.get_content() == b"\x00\x01\x02\xff"
    assert part.get_content_type() == "application/pdf"


def test_it_keeps_text_html_and_several_attachments_together() -> None:
    blobs = {"a" * 64: b"one" * 1_000, "b" * 64: b""}
    files = [
        {"filename": "one.bin", "content_type": "application/octet-stream", "sha256": "a" * 64, "size": 3_000},
        {"filename": "two.csv", "content_type": "text/csv; charset=utf-8", "sha256": "b" * 64, "size": 0},
    ]
    content = built({"html": "<p>é</p>", "attachments": files}, blobs=blobs)
    check_wire(content)
    message = parsed(content)
    assert message.get_content_type() == "multipart/mixed"
    assert body(message, "plain") == "Dear Senator,"
    assert body(message, "html") == "<p>é</p>"
    assert [part.get_payload(decode=True) for part in message.iter_attachments()] == list(blobs.values())


def test_it_takes_an_empty_html_for_none() -> None:
    assert parsed(built({"html": ""})).get_content_type() == "text/plain"


def test_it_never_writes_bcc() -> None:
    assert b"hidden" not in built({"bcc": ["hidden@example.net"]})


def test_it_gives_the_same_bytes_again() -> None:
    payload = {"html": "<p>é</p>", "attachments": [{"filename": "a", "content_type": "a/b", "content_base64": "QQ=="}]}
    assert built(payload) == built(payload)


def test_it_keeps_an_attachment_in_a_part_that_every_recipient_shares() -> None:
    from execution.wire import build_email

    files = [
        {"filename": "one.pdf", "content_type": "application/pdf", "content_base64": "QQ=="},
        {"filename": "two.pdf", "content_type": "application/pdf", "content_base64": "Qg=="},
    ]
    mails = [
        build_email(
            payload={"subject": name, "text": name, "attachments": files},
            sender=ROSA,
            to=[f"{name}@example.net"],
            message_id=f"<{name}@example.org>",
        )
        for name in ("ann", "bob")
    ]
    assert [len(parts) for parts in mails] == [3, 3]
    assert mails[0][0] != mails[1][0]
    assert mails[0][1:] == mails[1][1:]


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
BODIES = st.text(st.characters(exclude_categories=["Cs"]), max_size=2_000)


@given(subject=LINES, name=LINES)
def test_it_keeps_any_subject_and_any_name(subject: str, name: str) -> None:
    name = name.strip()
    content = built({"subject": subject}, sender=Sender(name=name, address="rosa@example.org"))
    check_wire(content)
    message = parsed(content)
    assert message["subject"] == subject.strip(" ")
    assert mailboxes(message, "From") == [(name, "rosa@example.org")]


@given(text=BODIES, html=BODIES)
def test_it_keeps_any_bodies(text: str, html: str) -> None:
    content = built({"text": text, "html": html})
    check_wire(content)
    message = parsed(content)
    assert body(message, "plain") == normal(text)
    if html:
        assert body(message, "html") == normal(html)


@given(filename=LINES.map(str.strip).filter(bool), content=st.binary(max_size=500), text=BODIES)
def test_it_keeps_any_attachment(filename: str, content: bytes, text: str) -> None:
    file: dict[str, Any] = {"filename": filename, "content_type": "application/octet-stream", "sha256": "a" * 64}
    mail = built({"text": text, "attachments": [file]}, blobs={"a" * 64: content})
    check_wire(mail)
    (part,) = parsed(mail).iter_attachments()
    assert (part.get_filename(), part.get_content()) == (filename, content)
