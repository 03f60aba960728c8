"""Header fields: refusing what could break out of one, encoding (RFC 2047), folding (RFC 5322 section 2.2.3)."""

import re
from binascii import b2a_base64

from workspaces.errors import InvalidInput

PREFERRED_LINE = 78  # RFC 5322 section 2.1.1, without the CRLF
HARD_LINE = 998

# C0, DEL, C1, and the two Unicode line ends that some parsers split at.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_ENCODED_WORD = 75  # RFC 2047 section 2
_GAP = " " * 20  # a line folded in so wide a gap might hold nothing but spaces, which ends the header to some
_WRAPPER = len("=?utf-8?b??=")
# RFC 2047 section 5 (3): what may stand for itself in a phrase, the strictest place.
_Q = [f"={byte:02X}" for byte in range(256)]
for _byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/":
    _Q[_byte] = chr(_byte)
_Q[0x20] = "_"


def refuse_controls(value: str, *, field: str) -> None:
    """Raise InvalidInput naming `field` if `value` holds a line end or another control character."""
    if _CONTROLS.search(value):
        what = f"{field}: line breaks and control characters are not allowed here."
        raise InvalidInput(what, fields={field: "must not hold line breaks or control characters"})


def encoded_words(value: str, *, first_line: int) -> list[str]:
    """`value` as RFC 2047 encoded words of at most 75 characters, whole characters each, to be joined by folds.

    `first_line` is the number of columns the first line has lost already. Base64 where there is anything but ASCII;
    Q otherwise, because filters take base64 of plain ASCII for a disguise.
    """
    room = max(_ENCODED_WORD - first_line + 1, 24)
    if value.isascii():
        return _q_words(value, room)
    raw = value.encode()
    words = []
    start = 0
    while start < len(raw):
        end = min(start + (room - _WRAPPER) // 4 * 3, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(raw[start:end], newline=False).decode('ascii')}?=")
        start, room = end, _ENCODED_WORD
    return words


def _q_words(value: str, room: int) -> list[str]:
    words = []
    word = ""
    for byte in value.encode():
        if len(word) + len(_Q[byte]) > room - _WRAPPER:
            words.append(f"=?utf-8?q?{word}?=")
            word, room = "", _ENCODED_WORD
        word += _Q[byte]
    words.append(f"=?utf-8?q?{word}?=")
    return words


def unstructured(field: str, value: str, *, longest_word: int = PREFERRED_LINE - 2) -> str:
    """A whole unstructured header field (`Subject`) with its CRLF.

    ASCII is folded at spaces; a value with other characters, with something that looks like an encoded word, with a
    word longer than `longest_word`, or with a wide gap, becomes encoded words. A reader of RFC 5322 and RFC 2047 gets
    `value` back exactly, but for spaces at its ends. Raises InvalidInput naming the field for a control character.
    """
    refuse_controls(value, field=field)
    value = value.strip(" ")
    line = f"{field}: {value}\r\n"
    if value.isascii() and "=?" not in value:
        if len(line) <= PREFERRED_LINE + 2:
            return line
        words = value.split(" ")
        if max(map(len, words)) <= longest_word and _GAP not in value:
            return _folded(field, words)
    return f"{field}: " + "\r\n ".join(encoded_words(value, first_line=len(field) + 2)) + "\r\n"


def _folded(field: str, words: list[str]) -> str:
    lines = []
    line = f"{field}: {words[0]}"
    for word in words[1:]:
        if word and len(line) + 1 + len(word) > PREFERRED_LINE:
            lines.append(line)
            line = f" {word}"
        else:
            line = f"{line} {word}"
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def extra_header(field: str, value: str) -> str:
    """Any further header field: `unstructured`, but with a checked name, and long tokens (ids, URLs) left whole."""
    if not _FIELD_NAME.fullmatch(field):
        raise InvalidInput(
            f"{field!r} is not a header's name.", fields={"headers": f"{field!r} is not a header's name"}
        )
    return unstructured(field, value, longest_word=900)
