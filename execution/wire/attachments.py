"""Attachments: each one MIME part whose bytes depend on nothing but the attachment, so that it is stored once."""

import re
from functools import lru_cache

from execution.wire.bodies import base64_lines
from execution.wire.headers import refuse_controls
from workspaces.errors import InvalidInput

# One boundary for every message with attachments: see `bodies` for why nothing inside can hold it. Were it made from
# the message's id, each recipient of a batch would need a copy of every attachment.
BOUNDARY = "=_countersign_mixed_b94d27b9934d3e08"
OPENING = f"--{BOUNDARY}\r\n".encode()
CLOSING = f"\r\n--{BOUNDARY}--\r\n".encode()
_DELIMITER = f"\r\n--{BOUNDARY}\r\n".encode()

_NAME = r"[A-Za-z0-9!#$&^_.+-]{1,64}"
CONTENT_TYPE = re.compile(rf"(?P<kind>{_NAME})/(?P<subtype>{_NAME})(?:; ?charset=\"?[A-Za-z0-9_.:-]{{1,40}}\"?)?")
_PLAIN_FILENAME = re.compile(r"(?! )[A-Za-z0-9 !#$&+^_`{}~().,@=-]{1,60}(?<! )")
_UNESCAPED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{}~")
_SECTION = 60


def attachment_part(*, filename: str, content_type: str, content: bytes) -> bytes:
    """A delimiter, the header fields and `content` in base64, without a CRLF at the end.

    Raises InvalidInput where the name or the type could break out of its header field.
    """
    if not CONTENT_TYPE.fullmatch(content_type):
        message = f"{content_type!r} is not a content type."
        raise InvalidInput(message, fields={"content_type": "is not a content type such as application/pdf"})
    return b"".join(
        (
            _DELIMITER,
            f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n".encode(),
            f"Content-Disposition: attachment;{_filename_parameter(filename)}\r\n\r\n".encode(),
            base64_lines(content),
        )
    )


@lru_cache(maxsize=512)
def _filename_parameter(filename: str) -> str:
    """RFC 2183, and RFC 2231 with its continuations where the name is long or not plain ASCII."""
    refuse_controls(filename, field="filename")
    if _PLAIN_FILENAME.fullmatch(filename):
        return f' filename="{filename}"'
    sections = [""]
    for character in filename:
        escaped = "".join(chr(byte) if byte in _UNESCAPED else f"%{byte:02X}" for byte in character.encode())
        if len(sections[-1]) + len(escaped) > _SECTION:
            sections.append("")
        sections[-1] += escaped
    if len(sections) == 1:
        return f"\r\n filename*=utf-8''{sections[0]}"
    first, *rest = sections
    lines = [f"\r\n filename*0*=utf-8''{first}"]
    lines += [f"\r\n filename*{number}*={section}" for number, section in enumerate(rest, start=1)]
    return ";".join(lines)
