"""One email as the bytes that will go out, made once, when the request is frozen.

Django's EmailMessage builds a tree, then walks and re-parses it; that costs more than the queue and the network
together. The shapes sent here are four (text, text and HTML, either with attachments), so they are written straight
down. Everything but the `Date:` line is in the parts, and the same arguments always give the same bytes.
"""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from execution.wire import attachments as attached
from execution.wire.addresses import address_header, mailbox, wire_address
from execution.wire.bodies import encoded_body, with_html_footer, with_text_footer
from execution.wire.headers import extra_header, unstructured
from workspaces.errors import InvalidInput

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.:\[\]-]+>")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_MAX_URI = 900
_WRITTEN_HERE = frozenset(
    {
        *("from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id"),
        *("mime-version", "content-type", "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who a mail is from: the name people see (may be empty) and the address."""

    name: str = ""
    address: str


def message_id_for(*, request_id: str, domain: str) -> str:
    """The Message-ID of a request, the same at every try, so that a second copy can be recognised (RFC 5322 3.6.4)."""
    return f"<{request_id}@{wire_address(f'x@{domain}')[2:]}>"


def build_email(
    *,
    payload: Mapping[str, Any],
    sender: Sender,
    to: Sequence[str],
    message_id: str,
    unsubscribe_url: str | None = None,
    unsubscribe_mailto: str | None = None,
    postal_address: str = "",
    headers: Mapping[str, str] | None = None,
    blobs: Mapping[str, bytes] | None = None,
) -> list[bytes]:
    """The parts of one mail in order; `date_line() + b"".join(parts)` is its whole DATA content.

    The first part holds the header fields and the bodies, each further one an attachment; the last ends in CRLF. All
    octets are 7 bit, but for addresses whose local part is not ASCII (RFC 6532). Lines end in CRLF and have at most
    998 octets. Leading dots are the transport's business.

    payload: as `channels.email` validated it; attachments hold `content_base64`, or `sha256` to be found in `blobs`.
    to: the mailboxes of the To field, `a@example.org` or `Ann <a@example.org>`. Cc and Reply-To are taken from the
        payload. Bcc appears nowhere: those recipients are in the envelope alone.
    message_id: with its angle brackets.
    unsubscribe_url: the recipient's own HTTPS address for RFC 8058, also shown in the bodies with `postal_address`.
    headers: further fields, the engine's own; the payload's cannot replace them.

    Raises InvalidInput naming the field for whatever could break out of its place.
    """
    if not to:
        raise InvalidInput("A mail needs a recipient.", fields={"to": "is required"})
    if not _MESSAGE_ID.fullmatch(message_id):
        raise InvalidInput(f"{message_id!r} is not a Message-ID.", fields={"message_id": "is not a Message-ID"})
    try:
        text = with_text_footer(payload["text"], unsubscribe_url=unsubscribe_url, postal_address=postal_address)
        body = encoded_body(text, "plain")
        html = payload.get("html")
        if html:
            html = with_html_footer(html, unsubscribe_url=unsubscribe_url, postal_address=postal_address)
            body = _alternative(message_id, body, encoded_body(html, "html"))
    except UnicodeEncodeError as wrong:
        message = "The body holds half of a character (a lone surrogate)."
        raise InvalidInput(message, fields={"payload.text": "holds half of a character"}) from wrong
    files = payload.get("attachments") or ()
    if files:
        body = b"".join((_MIXED, attached.OPENING, body))
    head = _head(payload, sender, to, message_id, unsubscribe_url, unsubscribe_mailto, headers)
    parts = [head.encode() + body]
    parts += [_attachment(file, index, blobs) for index, file in enumerate(files)]
    if files:
        parts[-1] += attached.CLOSING
    elif not body.endswith(b"\r\n"):
        parts[-1] += b"\r\n"
    return parts


def _head(
    payload: Mapping[str, Any],
    sender: Sender,
    to: Sequence[str],
    message_id: str,
    unsubscribe_url: str | None,
    unsubscribe_mailto: str | None,
    headers: Mapping[str, str] | None,
) -> str:
    fields = [_from(sender.name, sender.address), address_header("To", list(to))]
    if cc := payload.get("cc"):
        fields.append(address_header("Cc", _list(cc)))
    if reply_to := payload.get("reply_to"):
        fields.append(address_header("Reply-To", _list(reply_to)))
    fields.append(unstructured("Subject", payload["subject"]))
    fields.append(f"Message-ID: {message_id}\r\nMIME-Version: 1.0\r\n")
    if unsubscribe_url or unsubscribe_mailto:
        fields.append(_list_unsubscribe(unsubscribe_url, unsubscribe_mailto))
    further = dict(headers or {})
    taken = {name.lower() for name in further} | _WRITTEN_HERE
    further |= {name: value for name, value in (payload.get("headers") or {}).items() if name.lower() not in taken}
    fields += [extra_header(name, value) for name, value in further.items()]
    return "".join(fields)


@lru_cache(maxsize=1024)
def _from(name: str, address: str) -> str:
    return f"From: {mailbox(name, address)}\r\n"


def _list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _list_unsubscribe(url: str | None, mailto: str | None) -> str:
    """RFC 2369 section 3.2 and RFC 8058 section 3.1: the one-click field only goes with a URL to post to."""
    if mailto and not mailto.startswith("mailto:"):
        mailto = f"mailto:{mailto}"
    for uri in (url, mailto):
        if uri and (len(uri) > _MAX_URI or not _URI.fullmatch(uri)):
            raise InvalidInput(f"{uri!r} is not a URI.", fields={"unsubscribe_url": "is not a URI"})
    uris = ",\r\n ".join(f"<{uri}>" for uri in (url, mailto) if uri)
    one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if url else ""
    return f"List-Unsubscribe: {uris}\r\n{one_click}"


_MIXED = f'Content-Type: multipart/mixed; boundary="{attached.BOUNDARY}"\r\n\r\n'.encode()


def _alternative(message_id: str, plain: bytes, html: bytes) -> bytes:
    """RFC 2046 section 5.1.4: the plainest first."""
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:25]}".encode()
    return b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n--%b\r\n%b\r\n--%b\r\n%b\r\n--%b--\r\n' % (
        boundary,
        boundary,
        plain,
        boundary,
        html,
        boundary,
    )


def _attachment(file: Mapping[str, Any], index: int, blobs: Mapping[str, bytes] | None) -> bytes:
    if "content_base64" in file:
        content = b64decode(file["content_base64"])
    elif blobs and file["sha256"] in blobs:
        content = blobs[file["sha256"]]
    else:
        name = f"payload.attachments.{index}"
        raise InvalidInput(f"The content of {file['filename']!r} is missing.", fields={name: "has no content"})
    return attached.attachment_part(filename=file["filename"], content_type=file["content_type"], content=content)
