"""The kinds of field that payloads are made of. Each validator raises ValueError with what is wrong, in plain words."""

import re
from base64 import b64decode, b64encode
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field

from execution.channels.text import BIDI_CONTROLS
from execution.wire.addresses import mailbox, split_mailbox, wire_address
from workspaces.errors import InvalidInput

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BIDI = re.compile(f"[{BIDI_CONTROLS}]")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\"<>^`{|}\u2028\u2029]")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[^\s/?#@\[\]:%]+")


def single_line(value: str) -> str:
    """`value` without spaces at its ends; refused with a line break or another control character in it."""
    if _CONTROLS.search(value):
        raise ValueError("must not hold line breaks or control characters")
    return value.strip()


def not_blank(value: str) -> str:
    """Refuse what is only white space."""
    if not value.strip():
        raise ValueError("must not be blank")
    return value


@lru_cache(maxsize=4096)
def email_address(value: str) -> str:
    """`value` as an email address (RFC 5321, RFC 6531) whose domain is in ASCII and lower case; no DNS is asked.

    The local part keeps its case. Raises ValueError.
    """
    try:
        found = validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as wrong:
        raise ValueError(f"is not an email address ({wrong})") from None
    if "." not in found.ascii_domain:
        raise ValueError("is not an email address (its domain has no dot)")
    local = found.local_part if found.ascii_email is None else found.ascii_email.rpartition("@")[0]
    return wire_address(f"{local}@{found.ascii_domain}")


def named_address(value: str) -> str:
    """`Ann <a@example.org>` or `a@example.org`, the address as `email_address`."""
    try:
        name, address = split_mailbox(value)
        name, address = single_line(name), email_address(address)
        mailbox(name, address)
    except InvalidInput as wrong:
        raise ValueError(f"is not an email address ({wrong.detail})") from None
    if not name:
        return address
    if len(name) > 200:
        raise ValueError("has a name of more than 200 characters")
    if '"' in name or "<" in name or ">" in name:
        raise ValueError("has a quotation mark or an angle bracket in its name")
    return f"{name} <{address}>"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def web_url(value: str) -> str:
    """An absolute http or https address with a host and without a user name or password. Raises ValueError.

    Whether the host may be reached is decided where the connection is made, since names change their meaning.
    """
    value = value.strip()
    if _UNSAFE_IN_URL.search(value):
        raise ValueError("is not a web address: it holds spaces or other characters that must be percent-encoded")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as wrong:
        raise ValueError(f"is not a web address ({wrong})") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must be a web address that starts with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or a password")
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc.removesuffix(":")
    if not _HOST.fullmatch(host):
        raise ValueError("is not a web address: it has no host")
    return value


def moment(value: str) -> str:
    """A time in ISO 8601 with its offset from UTC, kept as its author wrote the offset. Raises ValueError."""
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("is not a time in ISO 8601, such as 2026-03-02T09:30:00+01:00") from None
    if at.tzinfo is None:
        raise ValueError("has no time zone: end it in Z or in an offset such as +01:00")
    return at.isoformat()


def base64_content(value: str) -> str:
    """Base64 (RFC 4648 section 4), line breaks removed. Raises ValueError."""
    try:
        return b64encode(b64decode("".join(value.split()), validate=True)).decode("ascii")
    except ValueError:
        raise ValueError("is not base64") from None


def file_name(value: str) -> str:
    """The bare name of a file: no folders, and nothing that makes it look like another. Raises ValueError."""
    value = single_line(value)
    if value in ("", ".", "..") or "/" in value or "\\" in value:
        raise ValueError("must be the bare name of a file, without folders")
    if _BIDI.search(value):
        raise ValueError("must not hold characters that change the direction of writing")
    return value


def relative_path(value: str) -> str:
    """A path inside a repository: relative, forward slashes, no `..`, nothing in `.git`. Raises ValueError."""
    value = single_line(value)
    steps = value.split("/")
    if "\\" in value or any(step in ("", ".", "..") for step in steps):
        raise ValueError("must be a path inside the repository, such as docs/index.md")
    if any(step.lower().rstrip(". ") == ".git" for step in steps):
        raise ValueError("must not be inside .git")
    return value


# Patterns are read by Rust's regex engine, where `$` is the very end.
Line = Annotated[str, Field(max_length=500), AfterValidator(single_line), AfterValidator(not_blank)]
Prose = Annotated[str, Field(max_length=200_000), AfterValidator(not_blank)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$", max_length=120)]
EmailAddress = Annotated[str, Field(max_length=320), AfterValidator(email_address)]
Mailbox = Annotated[str, Field(max_length=600), AfterValidator(named_address)]
Mailboxes = Annotated[list[Mailbox], BeforeValidator(_as_list), Field(max_length=50)]
WebUrl = Annotated[str, Field(max_length=2_048), AfterValidator(web_url)]
Moment = Annotated[str, Field(max_length=64), AfterValidator(moment)]
Base64 = Annotated[str, AfterValidator(base64_content)]
FileName = Annotated[str, Field(max_length=150), AfterValidator(file_name)]
RelativePath = Annotated[str, Field(max_length=400), AfterValidator(relative_path)]
