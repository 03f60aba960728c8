"""Bodies: the footer that the law asks for, line ends, and a transfer encoding that survives every relay.

Every part is 7 bit on the wire (RFC 2045 section 6), so no relay has a reason to re-encode what was approved.
Quoted-printable never yields `=_` (section 6.7), and 7 bit text that holds it is sent quoted-printable: a boundary
that holds `=_` can therefore not occur in any body.
"""

import re
from binascii import b2a_base64, b2a_qp
from functools import lru_cache
from html import escape

from execution.wire.headers import HARD_LINE

_PLAIN = bytes([0x09, 0x0A, *range(0x20, 0x7F)])
_LINE_OF_BASE64 = 57  # octets that make the 76 columns of RFC 2045 section 6.8
_END_OF_BODY = re.compile(r"</body|</html", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def base64_lines(content: bytes) -> bytes:
    """`content` in base64, in lines of 76 columns that end in CRLF but for the last."""
    step = _LINE_OF_BASE64
    return b"\r\n".join([b2a_base64(content[at : at + step], newline=False) for at in range(0, len(content), step)])


def encoded_body(text: str, subtype: str) -> bytes:
    """The header fields and the body of one text part, without a CRLF after its last line unless `text` has one.

    7 bit where it is ASCII with lines of at most 998 octets; base64 where a tenth or more of it is not ASCII; else
    quoted-printable.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = text.encode()
    if not raw.translate(None, _PLAIN) and b"=_" not in raw:
        if len(raw) <= HARD_LINE or max(map(len, raw.split(b"\n"))) <= HARD_LINE:
            return _HEAD[subtype, "7bit"] + raw.replace(b"\n", b"\r\n")
    elif len(raw) - len(text) > len(raw) // 10:
        return _HEAD[subtype, "base64"] + base64_lines(raw.replace(b"\n", b"\r\n"))
    # Line ends become CRLF afterwards: b2a_qp folds with a bare LF where the text has no line end of its own.
    return _HEAD[subtype, "quoted-printable"] + b2a_qp(raw, istext=True).replace(b"\n", b"\r\n")


_HEAD = {
    (subtype, encoding): (
        f'Content-Type: text/{subtype}; charset="{"us-ascii" if encoding == "7bit" else "utf-8"}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode()
    for subtype in ("plain", "html")
    for encoding in ("7bit", "quoted-printable", "base64")
}


def with_text_footer(text: str, *, unsubscribe_url: str | None, postal_address: str) -> str:
    """`text` with the sender's postal address and the way out (CAN-SPAM section 7704(a)(5)) below it."""
    footer = postal_address.strip()
    if unsubscribe_url:
        footer = f"{footer}\n\nUnsubscribe: {unsubscribe_url}" if footer else f"Unsubscribe: {unsubscribe_url}"
    if not footer:
        return text
    return f"{text}{'' if text.endswith(chr(10)) else chr(10)}\n{footer}\n"


def with_html_footer(html: str, *, unsubscribe_url: str | None, postal_address: str) -> str:
    """As `with_text_footer`, escaped, before `</body>`, or before `</html>`, or at the end.

    An end tag inside a comment does not count, and a comment left open is closed first, so that the footer shows.
    """
    footer = _address_lines(postal_address)
    if unsubscribe_url:
        link = f'<a href="{escape(unsubscribe_url)}">Unsubscribe</a>'
        footer = f"{footer}<br>\n{link}" if footer else link
    if not footer:
        return html
    block = f'\n<p style="font-size:12px;color:#555555;margin:24px 0 0">{footer}</p>\n'
    if "<!--" in html:
        return _insert_outside_comments(html, block)
    at = html.rfind("</body>")
    if at < 0:
        found = _END_OF_BODY.search(html)
        at = found.start() if found else len(html)
    return f"{html[:at]}{block}{html[at:]}"


@lru_cache(maxsize=256)
def _address_lines(postal_address: str) -> str:
    return "<br>\n".join(escape(line.strip()) for line in postal_address.strip().splitlines())


def _insert_outside_comments(html: str, block: str) -> str:
    comments = [found.span() for found in _COMMENT.finditer(html)]
    for found in _END_OF_BODY.finditer(html):
        if not any(start <= found.start() < end for start, end in comments):
            return f"{html[: found.start()]}{block}{html[found.start() :]}"
    left_open = comments[-1][1] == len(html) and not html.endswith("-->")
    return f"{html}{'-->' if left_open else ''}{block}"
