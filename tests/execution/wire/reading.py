"""What a mail looks like to a reader of the standards: the standard library's parser."""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from typing import Any

from execution.wire import Sender, build_email, date_line

MESSAGE_ID = "<0190a1b2-0000-7000-8000-000000000001@example.org>"
ROSA = Sender(name="Rosa Díaz", address="rosa@example.org")


def built(payload: dict[str, Any] | None = None, **arguments: Any) -> bytes:
    """The DATA content of a mail; what is not said is plain."""
    known: dict[str, Any] = {"sender": ROSA, "to": ["office@senate.example"], "message_id": MESSAGE_ID}
    payload = {"subject": "A hearing", "text": "Dear Senator,\n"} | (payload or {})
    return date_line(1_764_000_000) + b"".join(build_email(payload=payload, **(known | arguments)))


def parsed(content: bytes) -> EmailMessage:
    """As a mail client reads it; a defect anywhere is an error here."""
    message = message_from_bytes(content, policy=default)
    for part in message.walk():
        assert not part.defects, part.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    """The text of the part for plain or html, line ends as \\n, without those at the end."""
    part = message.get_body(preferencelist=(kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


def mailboxes(message: EmailMessage, field: str) -> list[tuple[str, str]]:
    """The (name, address) pairs of a field.

    By the older of the two parsers: the newer one, in Python 3.11, puts spaces between adjacent encoded words of a
    name, which RFC 2047 section 6.2 tells readers not to do.
    """
    raw = dict(message.raw_items())[field]
    pairs = getaddresses([str(raw).replace("\r\n", "")])
    return [(str(make_header(decode_header(name))), address) for name, address in pairs]


def check_wire(content: bytes) -> None:
    """What must hold for any mail: only CRLF, no line over 998 octets, 7 bit, no line of spaces in the header."""
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert content.endswith(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.isascii()
    header = content.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"(?m)^[ \t]*\r?$", header)
