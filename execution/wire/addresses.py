"""Mailboxes as they stand in header fields and in the SMTP envelope (RFC 5322 section 3.4, RFC 5321 section 4.1.2).

Only the dot-atom form of an address is taken: quoted local parts, comments and domain literals are refused, because
nobody has such an address for good reasons and they are how one address is dressed up as another.
"""

import re
from functools import lru_cache

import idna

from execution.wire.headers import PREFERRED_LINE, encoded_words, refuse_controls
from workspaces.errors import InvalidInput

MAX_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, less the two angle brackets

_SPECIALS = r"\x00-\x20\x7f-\xa0()<>\[\]:;,\\\"\ud800-\udfff\u2028\u2029"
_PLAIN_ADDRESS = re.compile(rf"[^@{_SPECIALS}]+@[^@{_SPECIALS}]+")
_NAMED = re.compile(r"(?s)\s*(?P<name>.*?)\s*<(?P<address>[^<>]*)>\s*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def split_mailbox(value: str) -> tuple[str, str]:
    """`Ann <a@example.org>` or `a@example.org` as (name, address); the name is unquoted, the address as written."""
    if "<" not in value:
        return "", value.strip()
    found = _NAMED.fullmatch(value)
    if not found:
        return "", value.strip()
    name = found["name"]
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, found["address"].strip()


@lru_cache(maxsize=4096)
def wire_address(address: str) -> str:
    """`address` as it goes on the wire: its domain in ASCII (RFC 5891), its local part untouched.

    Raises InvalidInput where it holds anything that could end the header field or the SMTP command.
    """
    if len(address) > MAX_ADDRESS or not _PLAIN_ADDRESS.fullmatch(address) or "=?" in address:
        message = f"{address!r} is not an email address that can be written to."
        raise InvalidInput(message, fields={"address": "is not an email address"})
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError as wrong:
        message = f"The domain of {address!r} is not a valid international domain name."
        raise InvalidInput(message, fields={"address": "has a domain that does not exist"}) from wrong


@lru_cache(maxsize=4096)
def mailbox(name: str, address: str) -> str:
    """One mailbox for a header field: `Ann Lee <a@example.org>`, the name quoted or encoded (RFC 2047) as it needs.

    An encoded name of several words is folded already.
    """
    bare = wire_address(address)
    refuse_controls(name, field="name")
    name = name.strip()
    if not name:
        return bare
    if name.isascii() and "=?" not in name and len(name) <= 60:
        if _ATOMS.fullmatch(name) and "  " not in name:
            return f"{name} <{bare}>"
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{bare}>'
    words = encoded_words(name, first_line=len("Reply-To: "))
    last_fold = " " if len(words[-1]) + len(bare) + 3 <= PREFERRED_LINE - len("Reply-To: ") else "\r\n "
    return "\r\n ".join(words) + f"{last_fold}<{bare}>"


def mailbox_of(value: str) -> str:
    """As `mailbox`, from one string that may hold a display name."""
    if "<" not in value:
        return wire_address(value.strip())
    return mailbox(*split_mailbox(value))


def address_header(field: str, values: list[str]) -> str:
    """A whole address header field with its CRLF, folded between mailboxes at 78 characters."""
    if len(values) == 1:
        return f"{field}: {mailbox_of(values[0])}\r\n"
    lines: list[str] = []
    line = f"{field}:"
    for index, value in enumerate(values):
        item = mailbox_of(value) + ("," if index < len(values) - 1 else "")
        if index and len(line) + 1 + len(item.partition("\r")[0]) > 78:
            lines.append(line)
            line = f" {item}"
        else:
            line = f"{line} {item}"
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"
